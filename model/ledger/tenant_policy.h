// What a tenant allows: each run by itself, and all of them together, by a Renyi filter at an order
// that was fixed before the first of them (I4, SE-08). The fields of policy.set.
#pragma once

#include <optional>

#include "base/canonical_json.h"
#include "dp/ledger/budget_filter.h"

namespace veilsum::ledger {

struct Claim {
  double epsilon = 0, delta = 0;
  friend bool operator==(const Claim&, const Claim&) = default;
};

struct TenantPolicy {
  Claim cap;
  std::optional<dp::BlockBudget> block;
};

// InvalidArgument: a field is missing, unknown, of another kind or out of its range.
absl::StatusOr<TenantPolicy> ParseTenantPolicy(const Json& body);

// Whether `stated` allows nothing that `own` does not: no larger cap, and, where `own` has a block,
// the same one. A block that only `stated` has is one more limit.
bool IsWithin(const TenantPolicy& stated, const TenantPolicy& own);

}  // namespace veilsum::ledger
