// BatchOffer, Advert and Roster on the wire. Errors are InvalidArgument and name the field.
#pragma once

#include "secure_agg/messages.h"
#include "veilsum/secagg/v1/secagg.pb.h"

namespace veilsum::secure_agg {

absl::StatusOr<BatchOffer> ParseBatchOffer(const secagg::v1::BatchOffer& wire);
secagg::v1::BatchOffer EncodeBatchOffer(const BatchOffer& offer);

// `slots` is the contract's B: exactly that many mask keys and commitments.
absl::StatusOr<Advert> ParseAdvert(const secagg::v1::Advert& wire, std::size_t slots);
secagg::v1::Advert EncodeAdvert(const Advert& advert);

// At most `max_members` adverts (the contract's members), checked before any is parsed.
absl::StatusOr<UnverifiedRoster> ParseRoster(const secagg::v1::Roster& wire,
                                             std::size_t max_members, std::size_t slots);
secagg::v1::Roster EncodeRoster(const UnverifiedRoster& roster);

}  // namespace veilsum::secure_agg
