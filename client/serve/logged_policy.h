// What a model's best actions would earn, from the logged decisions of customers whose rows are at
// home (off_policy.h).
#pragma once

#include "client/serve/off_policy.h"
#include "model/examples.h"
#include "model/plan/plan.h"

namespace veilsum::client {

// `outputs`: the model's of each row of `log`, rows x actions; a customer's rows are its decisions
// in order. Rewards are those that are learnt, within the plan's bounds. `explore` as of
// GreedyPolicy. FailedPrecondition: the log has no propensities; else errors of EvaluatePolicy.
absl::StatusOr<OffPolicy> EvaluateLogged(const model::QLearning& q, const model::Examples& log,
                                         std::span<const float> outputs, double explore);

}  // namespace veilsum::client
