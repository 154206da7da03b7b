// Gates on what merchants' hold-outs said of a release and of the one before it: each run's private
// evaluation, from the noisy histograms that both signed packages carry. Nothing of it changes
// while a rollout is under way, so every look gives the same answer and only the first one spends
// error. Pure.
#pragma once

#include <set>
#include <string_view>

#include "coordinator/rollout/gates.h"

namespace veilsum::coordinator {

enum class EvaluationGate { kQuality, kDrift, kCalibration };
std::string_view EvaluationGateName(EvaluationGate gate);
// InvalidArgument: none of quality, drift, calibration.
absl::StatusOr<EvaluationGate> ParseEvaluationGate(std::string_view name);

// In the order of `wanted`. A histogram that is not there makes all of them inconclusive, with its
// status as the reason.
std::vector<GateResult> EvaluationGates(const std::set<EvaluationGate>& wanted,
                                        const absl::StatusOr<dp::ScoreHistogram>& canary,
                                        const absl::StatusOr<dp::ScoreHistogram>& baseline,
                                        const GateLimits& limits);

}  // namespace veilsum::coordinator
