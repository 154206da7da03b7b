#include "dp/mechanism/distributed_gaussian.h"

#include <cmath>

#include "dp/mechanism/integer_noise.h"
#include "dp/mechanism/run_facts.h"
#include "dp/mechanism/run_loss.h"

namespace veilsum::dp {
namespace {

RunPrivacy WithoutPrivacy(const RunFacts& facts) {
  RunPrivacy run{
      false, {facts.training.sensitivity, 0, 0, 0}, std::nullopt, NoStatement(facts.delta)};
  if (facts.statistics) run.statistics = SumNoise{facts.statistics->sensitivity, 0, 0, 0};
  if (facts.evaluation) run.evaluation = SumNoise{facts.evaluation->sensitivity, 0, 0, 0};
  return run;
}

// The noise of one sum whose attempts alone may use `epsilon`.
absl::StatusOr<SumNoise> CalibrateAlone(const RunFacts& facts, const SumFacts& sum,
                                        double epsilon) {
  VEILSUM_ASSIGN_OR_RETURN(const Calibration calibration,
                           LeastNoiseOf(facts, epsilon, [&](double noise_multiplier) {
                             ViewedRun alone;
                             AddSum(alone, sum, facts.members,
                                    NoiseAt(sum, facts.carriers, noise_multiplier), facts.carriers);
                             return alone;
                           }));
  return NoiseAt(sum, facts.carriers, calibration.noise_multiplier);
}

absl::StatusOr<RunNoise> CalibrateNoise(const RunFacts& facts, const RunPrivacyInput& input) {
  RunNoise noise{};
  if (facts.statistics) {
    absl::StatusOr<SumNoise> statistics =
        CalibrateAlone(facts, *facts.statistics, input.statistics_share * input.epsilon);
    if (!statistics.ok()) return Annotate(statistics.status(), "statistics");
    noise.statistics = *statistics;
  }
  if (facts.evaluation) {
    absl::StatusOr<SumNoise> evaluation =
        CalibrateAlone(facts, *facts.evaluation, input.evaluation->share * input.epsilon);
    if (!evaluation.ok()) return Annotate(evaluation.status(), "evaluation");
    noise.evaluation = *evaluation;
  }
  VEILSUM_ASSIGN_OR_RETURN(const Calibration calibration,
                           LeastNoiseOf(facts, input.epsilon, [&](double noise_multiplier) {
                             noise.training =
                                 NoiseAt(facts.training, facts.carriers, noise_multiplier);
                             return ViewRun(facts, noise, {facts.carriers});
                           }));
  noise.training = NoiseAt(facts.training, facts.carriers, calibration.noise_multiplier);
  if (!std::isfinite(noise.training.noise_sigma))
    return InvalidArgument(
        "clip.bit_noise is %g, must be above half the noise multiplier that epsilon = %g needs: "
        "with %g expected merchants the count alone tells more (DP-20)",
        facts.training.bit_noise, input.epsilon, input.training.merchant->expected_merchants);
  if (facts.training.is_merchant() && !(facts.training.HalfAt(noise.training.noise_sigma) >= 16))
    return InvalidArgument(
        "a merchant's bit is %g grid units, must be at least 16: raise scale_log2 or lower "
        "clip.bit_noise = %g (DP-20)",
        facts.training.HalfAt(noise.training.noise_sigma), facts.training.bit_noise);
  return noise;
}

}  // namespace

absl::StatusOr<RunPrivacy> CalibrateRun(const RunPrivacyInput& input) {
  VEILSUM_ASSIGN_OR_RETURN(const RunFacts facts, FactsOf(input));
  if (input.epsilon == kInfinity) {
    RunPrivacy run = WithoutPrivacy(facts);
    VEILSUM_RETURN_IF_ERROR(CheckRings(facts, {run.training, run.statistics, run.evaluation}));
    return run;
  }
  VEILSUM_ASSIGN_OR_RETURN(const RunNoise noise, CalibrateNoise(facts, input));
  VEILSUM_RETURN_IF_ERROR(CheckRings(facts, noise));
  const RunPrivacy run{true, noise.training, noise.statistics, MakeStatement(facts, noise),
                       noise.evaluation};
  VEILSUM_RETURN_IF_ERROR(CheckSlack(run.statement));
  return run;
}

std::vector<PricedAttempts> PricesOfTraining(const RunPrivacyInput& input, const SumNoise& noise,
                                             std::uint32_t order) {
  const absl::StatusOr<SumFacts> facts = FactsOf(input.training, input.cohort.members);
  VEILSUM_CHECK(facts.ok());  // the input was calibrated or verified before
  return PricesOf(*facts, input.cohort.members, noise, order);
}

AttemptCharge ChargeOfTrainingAttempt(const RunPrivacyInput& input, const SumNoise& noise,
                                      std::uint32_t order) {
  return PricesOfTraining(input, noise, order).front().per_attempt;
}

AttemptCharge ChargeOfStatisticsAttempt(const RunPrivacyInput& input, const SumNoise& noise,
                                        std::uint32_t order) {
  VEILSUM_CHECK(input.statistics.has_value());
  const absl::StatusOr<SumFacts> facts = FactsOf(*input.statistics, input.cohort.members);
  VEILSUM_CHECK(facts.ok());
  return PricesOf(*facts, input.cohort.members, noise, order).front().per_attempt;
}

AttemptCharge ChargeOfEvaluationAttempt(const RunPrivacyInput& input, const SumNoise& noise,
                                        std::uint32_t order) {
  VEILSUM_CHECK(input.evaluation.has_value());
  const absl::StatusOr<SumFacts> facts = FactsOf(*input.evaluation);
  VEILSUM_CHECK(facts.ok());
  return PricesOf(*facts, input.cohort.members, noise, order).front().per_attempt;
}

}  // namespace veilsum::dp
