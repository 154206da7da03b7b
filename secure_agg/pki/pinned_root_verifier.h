// SeatVerifier over X.509: a seat is who the pinned root says it is, today (SA-01).
#pragma once

#include <functional>
#include <map>
#include <mutex>

#include "base/pki/revocation_list.h"
#include "base/pki/seat.h"
#include "secure_agg/roster/seat_verifier.h"

namespace veilsum::secure_agg {

// Thread-safe. A certificate is verified in full once; after that only its dates and the list of
// revoked certificates are looked at again. No list: nothing is revoked.
class PinnedRootVerifier final : public SeatVerifier {
 public:
  PinnedRootVerifier(veilsum::Certificate root, std::function<WallTime()> now,
                     std::shared_ptr<RevocationList> revoked = nullptr)
      : root_(std::move(root)), now_(std::move(now)), revoked_(std::move(revoked)) {}
  absl::StatusOr<SeatIdentity> Verify(ByteView der, const Hash32& fingerprint) const override;

 private:
  absl::Status CheckListed(const Hash32& leaf) const;
  struct Known {
    SeatIdentity seat;
    Hash32 leaf;  // fingerprint of the leaf alone, which the list names
    WallTime not_before, not_after;
  };
  veilsum::Certificate root_;
  std::function<WallTime()> now_;
  std::shared_ptr<RevocationList> revoked_;  // by fingerprint of the signing certificate
  mutable std::mutex mutex_;
  mutable std::map<Hash32, Known> known_;  // by fingerprint; at most kMaxKnown
};

}  // namespace veilsum::secure_agg
