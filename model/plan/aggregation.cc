#include "model/plan/aggregation.h"

#include <algorithm>

namespace veilsum::model {

absl::StatusOr<ResolvedAggregation> ResolveAggregation(const Aggregation& plan,
                                                       std::uint32_t members,
                                                       std::uint32_t seats_of_largest_tenant) {
  const std::uint32_t n = members;
  if (n < 3) return FailedPrecondition("a run has %d members, must have at least 3", n);
  if (n > 255)
    return FailedPrecondition(
        "a cohort has %d members, must have at most 255 (cohorts.count splits a run)", n);
  const std::uint32_t tenant = std::max(1u, seats_of_largest_tenant);
  const std::uint32_t c = plan.colluders != 0 ? plan.colluders : std::max({1u, n / 5, tenant});
  if (c < tenant)
    return FailedPrecondition(
        "aggregation.colluders is %d, must be at least %d, the seats of the largest tenant", c,
        tenant);
  if (c > n - 2)
    return FailedPrecondition("aggregation.colluders is %d, must be at most %d with %d members", c,
                              n - 2, n);
  const std::uint32_t q = (n + c) / 2 + 1;
  const std::uint32_t least = std::max(q, c + 2);
  const std::uint32_t u =
      plan.min_survivors != 0 ? plan.min_survivors : std::max(least, n - std::max(1u, n / 10));
  if (u < least || u > n)
    return FailedPrecondition(
        "aggregation.min_survivors is %d, must be %d to %d with %d members and %d colluders", u,
        least, n, n, c);
  return ResolvedAggregation{n, c, q, u};
}

}  // namespace veilsum::model
