#include "secure_agg/pki/pinned_root_verifier.h"

#include "base/crypto/sha256.h"

namespace veilsum::secure_agg {
namespace {

constexpr std::size_t kMaxKnown = 1024;  // several renewals of a full roster

}  // namespace

absl::StatusOr<SeatIdentity> PinnedRootVerifier::Verify(ByteView der,
                                                        const Hash32& fingerprint) const {
  const WallTime now = now_();
  const Hash32 actual = Sha256(der);
  if (actual != fingerprint)
    return Unauthenticated("SA-01: the fingerprint is not the certificate's");
  if (revoked_ != nullptr) {
    if (const absl::Status listed = revoked_->Check(actual); !listed.ok())
      return Unauthenticated("SA-01: %s", listed.message());
  }
  const std::lock_guard lock(mutex_);
  if (const auto known = known_.find(actual); known != known_.end()) {
    if (now >= known->second.not_before && now <= known->second.not_after)
      return known->second.seat;
    known_.erase(known);
  }
  VEILSUM_ASSIGN_OR_RETURN(const VerifiedSeat seat, VerifySeat(der, fingerprint, root_, now));
  VEILSUM_ASSIGN_OR_RETURN(const veilsum::Certificate certificate,
                           veilsum::Certificate::FromDer(der));
  if (known_.size() >= kMaxKnown) known_.clear();
  const SeatIdentity identity{seat.id.ToString(), seat.key};
  known_.insert({actual, {identity, certificate.not_before(), certificate.not_after()}});
  return identity;
}

}  // namespace veilsum::secure_agg
