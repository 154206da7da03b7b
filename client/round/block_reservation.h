// What a run takes from this merchant's budget for its blocks of data, across runs (SE-08, SE-11;
// DP review, section 4): statistics and training share the block of the customers that train,
// evaluation has that of the hold-out. A customer is in one of both for good.
#pragma once

#include "client/policy/blocks.h"
#include "client/policy/odometer.h"
#include "client/policy/policy.h"
#include "client/round/approved_run.h"

namespace veilsum::client {

// Reserves all attempts of `run` in the blocks of the open epoch, durably, before any customer is
// sampled (SE-10). A block's budget
// is fixed by the first run that reserves in it: the merchant's policy, which states one for every
// block, or, when it states none, the smallest that admits that run alone, so that nothing can be
// added to it later. A run without privacy reserves attempts only. Errors start with
// POLICY_BUDGET: ResourceExhausted when a block cannot hold the run, PermissionDenied when the
// policy now states another budget. The same run again is OK.
absl::Status ReserveBudget(const ApprovedRun& run, const Policy& policy, Odometer& odometer);

}  // namespace veilsum::client
