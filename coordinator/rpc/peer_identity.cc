#include "coordinator/rpc/peer_identity.h"

#include <grpc/grpc_security_constants.h>

#include <algorithm>

#include "base/crypto/sha256.h"

namespace veilsum::coordinator {
namespace {

constexpr std::size_t kMaxKnown = 4096;

}  // namespace

absl::StatusOr<Principal> PeerGate::Verify(std::string_view leaf_pem,
                                           std::string_view chain_pem) const {
  const WallTime now = std::chrono::system_clock::now();
  const Hash32 fingerprint = Sha256(leaf_pem);
  {
    const std::lock_guard lock(mutex_);
    if (const auto known = known_.find(fingerprint); known != known_.end()) {
      if (now >= known->second.not_before && now <= known->second.not_after) return known->second;
      known_.erase(known);
    }
  }
  const auto chain = CertificateChain::FromPeer(leaf_pem, chain_pem, own_->root);
  if (!chain.ok()) return Unauthenticated("SA-38: %s", chain.status().message());
  VEILSUM_ASSIGN_OR_RETURN(SpiffeId id, VerifyChain(*chain, own_->root, now));
  if (id.domain() != own_->id.domain())
    return Unauthenticated("SA-38: %s is not of the trust domain %s", id.ToString(),
                           own_->id.domain());
  Principal principal{std::move(id),
                      chain->leaf().Fingerprint(),
                      chain->leaf().KeyFingerprint(),
                      chain->leaf().SerialHex(),
                      chain->not_before(),
                      chain->not_after()};
  const std::lock_guard lock(mutex_);
  if (known_.size() >= kMaxKnown) known_.clear();
  if (latest_.size() >= kMaxKnown) latest_.clear();
  WallTime& latest = latest_[principal.id.ToString()];
  latest = std::max(latest, principal.not_after);
  known_.insert({fingerprint, principal});
  return principal;
}

WallTime PeerGate::LatestEnd(const Principal& principal) const {
  const std::lock_guard lock(mutex_);
  const auto found = latest_.find(principal.id.ToString());
  return found == latest_.end() ? principal.not_after
                                : std::max(found->second, principal.not_after);
}

absl::Status PeerGate::CheckDenied(const Principal& principal) const {
  if (deny_ == nullptr) return absl::OkStatus();
  if (const absl::Status status = deny_->Check(principal); !status.ok())
    return Unauthenticated("SA-38: %s: %s", principal.id.ToString(), status.message());
  return absl::OkStatus();
}

absl::StatusOr<Principal> PeerGate::Identify(const grpc::AuthContext* context) const {
  if (context == nullptr || !context->IsPeerAuthenticated())
    return Unauthenticated("SA-38: no client certificate");
  const auto leaves = context->FindPropertyValues(GRPC_X509_PEM_CERT_PROPERTY_NAME);
  if (leaves.size() != 1)
    return Unauthenticated("SA-38: %d client certificates, must be one", leaves.size());
  const auto chains = context->FindPropertyValues(GRPC_X509_PEM_CERT_CHAIN_PROPERTY_NAME);
  const std::string_view chain =
      chains.empty() ? std::string_view() : std::string_view(chains[0].data(), chains[0].size());
  VEILSUM_ASSIGN_OR_RETURN(Principal principal,
                           Verify({leaves[0].data(), leaves[0].size()}, chain));
  VEILSUM_RETURN_IF_ERROR(CheckDenied(principal));
  return principal;
}

absl::StatusOr<SpiffeId> PeerGate::Admit(const grpc::AuthContext* context, SpiffeRole role) const {
  VEILSUM_ASSIGN_OR_RETURN(const Principal principal, Identify(context));
  if (principal.id.role() != role)
    return PermissionDenied("%s is a %s, this call is for the role %s", principal.id.ToString(),
                            RoleName(principal.id.role()), RoleName(role));
  return principal.id;
}

}  // namespace veilsum::coordinator
