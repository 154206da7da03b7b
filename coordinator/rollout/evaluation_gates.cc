#include "coordinator/rollout/evaluation_gates.h"

namespace veilsum::coordinator {
namespace {

constexpr std::uint32_t kOnlyLook = 1;
constexpr std::string_view kNames[] = {"quality", "drift", "calibration"};

GateResult Untold(EvaluationGate gate, const GateLimits& limits, std::string why) {
  GateResult out;
  out.name = EvaluationGateName(gate);
  out.on_breach = gate == EvaluationGate::kQuality ? OnBreach::kRollback : OnBreach::kPause;
  out.limit = gate == EvaluationGate::kQuality ? limits.auc_loss
              : gate == EvaluationGate::kDrift ? limits.drift
                                               : limits.calibration;
  out.why = std::move(why);
  return out;
}

absl::StatusOr<GateResult> Judge(EvaluationGate gate, const dp::ScoreHistogram& canary,
                                 const dp::ScoreHistogram& baseline, const GateLimits& limits) {
  if (gate == EvaluationGate::kDrift) return DriftGate(canary, baseline, limits, kOnlyLook);
  VEILSUM_ASSIGN_OR_RETURN(const dp::PrivateAuc now,
                           dp::AucOfHistograms(canary.grid, canary.cells, canary.noise_sigma));
  VEILSUM_ASSIGN_OR_RETURN(
      const dp::PrivateAuc before,
      dp::AucOfHistograms(baseline.grid, baseline.cells, baseline.noise_sigma));
  return gate == EvaluationGate::kQuality
             ? QualityGate(now, before, limits, kOnlyLook)
             : CalibrationGate(now.calibration, before.calibration, limits, kOnlyLook);
}

}  // namespace

std::string_view EvaluationGateName(EvaluationGate gate) {
  return kNames[static_cast<std::size_t>(gate)];
}

absl::StatusOr<EvaluationGate> ParseEvaluationGate(std::string_view name) {
  for (const auto gate :
       {EvaluationGate::kQuality, EvaluationGate::kDrift, EvaluationGate::kCalibration})
    if (name == EvaluationGateName(gate)) return gate;
  return InvalidArgument("evaluation gate is \"%s\", must be quality, drift or calibration", name);
}

std::vector<GateResult> EvaluationGates(const std::set<EvaluationGate>& wanted,
                                        const absl::StatusOr<dp::ScoreHistogram>& canary,
                                        const absl::StatusOr<dp::ScoreHistogram>& baseline,
                                        const GateLimits& limits) {
  std::vector<GateResult> out;
  for (const EvaluationGate gate : wanted) {
    const absl::StatusOr<GateResult> result = !canary.ok() ? canary.status()
                                              : !baseline.ok()
                                                  ? baseline.status()
                                                  : Judge(gate, *canary, *baseline, limits);
    out.push_back(result.ok() ? *result
                              : Untold(gate, limits, std::string(result.status().message())));
  }
  return out;
}

}  // namespace veilsum::coordinator
