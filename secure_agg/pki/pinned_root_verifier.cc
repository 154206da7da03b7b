#include "secure_agg/pki/pinned_root_verifier.h"

#include "base/crypto/sha256.h"
#include "base/pki/certificate_chain.h"

namespace veilsum::secure_agg {
namespace {

constexpr std::size_t kMaxKnown = 1024;  // several renewals of a full roster

}  // namespace

absl::Status PinnedRootVerifier::CheckListed(const Hash32& leaf) const {
  if (revoked_ == nullptr) return absl::OkStatus();
  if (const absl::Status listed = revoked_->Check(leaf); !listed.ok())
    return Unauthenticated("SA-01: %s", listed.message());
  return absl::OkStatus();
}

absl::StatusOr<SeatIdentity> PinnedRootVerifier::Verify(ByteView der,
                                                        const Hash32& fingerprint) const {
  const WallTime now = now_();
  const Hash32 actual = Sha256(der);
  if (actual != fingerprint)
    return Unauthenticated("SA-01: the fingerprint is not the certificate's");
  const std::lock_guard lock(mutex_);
  if (const auto known = known_.find(actual); known != known_.end()) {
    VEILSUM_RETURN_IF_ERROR(CheckListed(known->second.leaf));
    if (now >= known->second.not_before && now <= known->second.not_after)
      return known->second.seat;
    known_.erase(known);
  }
  VEILSUM_ASSIGN_OR_RETURN(const VerifiedSeat seat, VerifySeat(der, fingerprint, root_, now));
  VEILSUM_ASSIGN_OR_RETURN(const CertificateChain chain, CertificateChain::FromDer(der));
  const Hash32 leaf = chain.leaf().Fingerprint();
  VEILSUM_RETURN_IF_ERROR(CheckListed(leaf));
  if (known_.size() >= kMaxKnown) known_.clear();
  const SeatIdentity identity{seat.id.ToString(), seat.key};
  known_.insert({actual, {identity, leaf, chain.not_before(), chain.not_after()}});
  return identity;
}

}  // namespace veilsum::secure_agg
