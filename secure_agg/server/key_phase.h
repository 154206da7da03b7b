// S0/S1 at the coordinator: collects adverts until the driver closes it into a roster.
// Server phases never block and know no time: a driver asks CanClose and Missing, and decides by
// its own deadlines.
#pragma once

#include <map>

#include "secure_agg/sent.h"
#include "secure_agg/server/share_phase.h"

namespace veilsum::secure_agg {

class KeyPhase {
 public:
  // `session` is random per coordinator start; `batch` increases within it. `verifier` must outlive
  // the phase.
  KeyPhase(std::shared_ptr<const SessionParams> params, BatchId batch, const SeatVerifier& verifier)
      : params_(std::move(params)), batch_(batch), verifier_(&verifier) {}

  BatchOffer Offer() const;  // what every client is sent
  // `sender` is the SPIFFE URI of the channel (SA-38). A later advert of the same seat replaces the
  // earlier one: a client that restarted has lost its keys. Errors as VerifiedAdvert::Verify, or
  // PermissionDenied for another seat's advert.
  absl::Status Add(std::string_view sender, Advert advert);
  std::size_t size() const { return adverts_.size(); }
  std::vector<std::string> Missing() const;  // URIs of contract members without an advert
  bool CanClose() const;                     // the adverts so far make a lawful roster (SA-03)
  // InvalidArgument when CanClose is false, or keys or commitments are duplicated (SA-06).
  absl::StatusOr<Sent<UnverifiedRoster, SharePhase>> Close() &&;

 private:
  std::shared_ptr<const SessionParams> params_;
  BatchId batch_;
  const SeatVerifier* verifier_;
  std::map<MemberId, VerifiedAdvert> adverts_;
};

}  // namespace veilsum::secure_agg
