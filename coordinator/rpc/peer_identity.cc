#include "coordinator/rpc/peer_identity.h"

#include <grpc/grpc_security_constants.h>

#include "base/crypto/sha256.h"

namespace veilsum::coordinator {
namespace {

constexpr std::size_t kMaxKnown = 4096;

}  // namespace

absl::StatusOr<SpiffeId> PeerGate::Verify(std::string_view leaf_pem) const {
  const WallTime now = std::chrono::system_clock::now();
  const Hash32 fingerprint = Sha256(leaf_pem);
  const std::lock_guard lock(mutex_);
  if (const auto known = known_.find(fingerprint); known != known_.end()) {
    if (now >= known->second.not_before && now <= known->second.not_after) return known->second.id;
    known_.erase(known);
  }
  auto leaf = Certificate::FromPem(leaf_pem);
  if (!leaf.ok()) return Unauthenticated("SA-38: %s", leaf.status().message());
  VEILSUM_ASSIGN_OR_RETURN(SpiffeId id, VerifyLeaf(*leaf, own_->root, now));
  if (id.domain() != own_->id.domain())
    return Unauthenticated("SA-38: %s is not of the trust domain %s", id.ToString(),
                           own_->id.domain());
  if (known_.size() >= kMaxKnown) known_.clear();
  known_.insert({fingerprint, Known{id, leaf->not_before(), leaf->not_after()}});
  return id;
}

absl::StatusOr<SpiffeId> PeerGate::Admit(const grpc::AuthContext* context, SpiffeRole role) const {
  if (context == nullptr || !context->IsPeerAuthenticated())
    return Unauthenticated("SA-38: no client certificate");
  const auto leaves = context->FindPropertyValues(GRPC_X509_PEM_CERT_PROPERTY_NAME);
  if (leaves.size() != 1)
    return Unauthenticated("SA-38: %d client certificates, must be one", leaves.size());
  VEILSUM_ASSIGN_OR_RETURN(SpiffeId id, Verify({leaves[0].data(), leaves[0].size()}));
  if (id.role() != role)
    return PermissionDenied("%s is a %s, this call is for the role %s", id.ToString(),
                            RoleName(id.role()), RoleName(role));
  return id;
}

}  // namespace veilsum::coordinator
