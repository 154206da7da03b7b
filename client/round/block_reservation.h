// What a run takes from this merchant's budget for its block of data, across runs (SE-08, SE-11;
// DP review, section 4): evaluation will have a block of its own, statistics and training share
// this one.
#pragma once

#include "client/policy/odometer.h"
#include "client/policy/policy.h"
#include "client/round/approved_run.h"

namespace veilsum::client {

// The customers that train, in the one data epoch of this version.
inline constexpr const char* kTrainingBlock = "epoch-1/training";

// Reserves all attempts of `run`, durably, before any customer is sampled (SE-10). The block's
// budget is fixed by the first run that reserves: the merchant's policy, or, when that states none,
// the smallest that admits that run alone, so that nothing can be added to it later. A run without
// privacy reserves attempts only. Errors start with POLICY_BUDGET: ResourceExhausted when the block
// cannot hold the run, PermissionDenied when the policy now states another budget. The same run
// again is OK.
absl::Status ReserveBudget(const ApprovedRun& run, const Policy& policy, Odometer& odometer);

}  // namespace veilsum::client
