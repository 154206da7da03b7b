// How many members must survive and how many may collude (SE-03, SE-04), once the number of members
// is known.
#pragma once

#include "model/plan/plan.h"

namespace veilsum::model {

struct ResolvedAggregation {
  std::uint32_t members;        // n
  std::uint32_t colluders;      // C = t
  std::uint32_t quorum;         // q = floor((n + C) / 2) + 1
  std::uint32_t min_survivors;  // U_min
  std::uint32_t honest_floor() const {
    return min_survivors - colluders;
  }                                           // H_min: shares that noise is calibrated to
  bool small() const { return members < 5; }  // runs, with a warning
};

// `seats_of_largest_tenant` >= 1. FailedPrecondition naming the field and its bound: fewer than 3
// or more than 255 members, C below a tenant's seats or above n - 2, U_min below max(q, C + 2) or
// above n.
absl::StatusOr<ResolvedAggregation> ResolveAggregation(const Aggregation& plan,
                                                       std::uint32_t members,
                                                       std::uint32_t seats_of_largest_tenant);

}  // namespace veilsum::model
