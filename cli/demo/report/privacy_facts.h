// The report's privacy section, recomputed from the signed contract: nothing in it is taken from
// the coordinator's word.
#pragma once

#include "cli/demo/report/report.h"
#include "model/contract/run_contract.h"
#include "model/plan/plan.h"

namespace veilsum::cli {

// What was charged, as the run reported it.
struct Charged {
  std::uint64_t steps = 0, attempts = 0;
};

// PermissionDenied when the contract's noise does not support the plan's claim; InvalidArgument
// when it has no training sum.
absl::StatusOr<PrivacyFacts> PrivacyFactsOf(const model::Plan& plan,
                                            const model::RunContract& contract,
                                            const Charged& charged);

}  // namespace veilsum::cli
