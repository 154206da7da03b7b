// From adverts that a server relays to a roster whose every entry was checked (SA-01 to SA-06).
#pragma once

#include <optional>

#include "secure_agg/messages.h"
#include "secure_agg/roster/seat_verifier.h"

namespace veilsum::secure_agg {

// Which batch of which session: every advert of a roster must carry the same.
struct BatchId {
  SessionId session{};
  std::uint32_t batch = 0;
  friend bool operator==(const BatchId&, const BatchId&) = default;
};

// An advert whose certificate, seat and signature were checked for one batch of one contract.
class VerifiedAdvert {
 public:
  // InvalidArgument or Unauthenticated: SA-01 (not a seat of the contract, wrong certificate),
  // SA-04 (signature, session, batch, contract hash, B), SA-06 (a public key that is not
  // canonical).
  static absl::StatusOr<VerifiedAdvert> Verify(Advert advert, const SessionParams& params,
                                               const BatchId& batch, const SeatVerifier& verifier);
  const Advert& advert() const { return advert_; }
  const SeatIdentity& seat() const { return seat_; }
  const Hash32& hash() const { return hash_; }

 private:
  VerifiedAdvert(Advert advert, SeatIdentity seat, Hash32 hash)
      : advert_(std::move(advert)), seat_(std::move(seat)), hash_(hash) {}
  Advert advert_;
  SeatIdentity seat_;
  Hash32 hash_;
};

// The roster of one batch; index = position by ascending member id. Immutable.
class VerifiedRoster {
 public:
  // Client side: checks the claim whole (SA-01 to SA-04, SA-06).
  static absl::StatusOr<VerifiedRoster> Verify(UnverifiedRoster claim, const SessionParams& params,
                                               const BatchId& batch, const SeatVerifier& verifier);
  // Server side, and the last step of Verify: SA-03 and SA-06 over adverts in ascending member id.
  static absl::StatusOr<VerifiedRoster> Assemble(std::vector<VerifiedAdvert> adverts,
                                                 const SessionParams& params, const BatchId& batch);

  std::size_t size() const { return adverts_.size(); }
  const Thresholds& thresholds() const { return thresholds_; }
  const Hash32& hash() const { return hash_; }  // roster_hash
  const Advert& advert(RosterIndex i) const { return adverts_[i.value()].advert(); }
  const std::string& uri(RosterIndex i) const { return adverts_[i.value()].seat().uri; }
  const Ed25519PublicKey& signing_key(RosterIndex i) const {
    return adverts_[i.value()].seat().key;
  }
  std::optional<RosterIndex> IndexOf(std::string_view uri) const;
  std::optional<RosterIndex> IndexOf(const MemberId& id) const;

 private:
  VerifiedRoster(std::vector<VerifiedAdvert> adverts, Thresholds thresholds, Hash32 hash)
      : adverts_(std::move(adverts)), thresholds_(thresholds), hash_(hash) {}
  std::vector<VerifiedAdvert> adverts_;
  Thresholds thresholds_;
  Hash32 hash_;
};

}  // namespace veilsum::secure_agg
