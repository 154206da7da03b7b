// What a client recomputes before it approves a contract (VerifyRun of distributed_gaussian.h).
#include <algorithm>
#include <cmath>

#include "dp/mechanism/distributed_gaussian.h"
#include "dp/mechanism/integer_noise.h"
#include "dp/mechanism/run_facts.h"
#include "dp/mechanism/run_loss.h"
#include "dp/sampler/discrete_gaussian.h"

namespace veilsum::dp {
namespace {

constexpr double kRounding =
    1e-9;  // relative error forgiven to numbers that travelled as decimal strings

// One sum's claimed numbers against its shape. Gives the noise that may be relied upon: never more
// than any of the numbers says.
absl::StatusOr<SumNoise> VerifySum(const SumFacts& sum, double carriers, const SumNoise& claimed) {
  carriers = sum.CarriersOf(carriers);
  for (const double value :
       {claimed.sensitivity, claimed.noise_multiplier, claimed.noise_sigma, claimed.share_sigma})
    if (!(value > 0) || !std::isfinite(value))
      return PermissionDenied("%s noise holds the number %g, every one must be finite and above 0",
                              sum.name, value);
  VEILSUM_RETURN_IF_ERROR(ChooseSamplerShape(claimed.share_sigma).status());
  const double sensitivity = sum.SensitivityAt(claimed.noise_sigma);
  if (claimed.sensitivity < sensitivity * (1 - kRounding))
    return PermissionDenied("%s sensitivity is %.17g, must be at least %.17g (DP-02)", sum.name,
                            claimed.sensitivity, sensitivity);
  const double carried = claimed.share_sigma * std::sqrt(carriers);
  if (carried < claimed.noise_sigma * (1 - kRounding))
    return PermissionDenied(
        "%s share_sigma is %.17g: %g shares carry %.17g, less than noise_sigma %.17g (DP-03)",
        sum.name, claimed.share_sigma, carriers, carried, claimed.noise_sigma);
  const double sigma = std::min(carried, claimed.noise_sigma);
  const double multiplier =
      std::sqrt(std::max(0.0, sigma * sigma - kRoundingVariance)) / sensitivity;
  if (claimed.noise_multiplier > multiplier * (1 + kRounding))
    return PermissionDenied("%s noise_multiplier is %.17g, noise_sigma supports %.17g (DP-03)",
                            sum.name, claimed.noise_multiplier, multiplier);
  if (claimed.noise_multiplier < multiplier * (1 - kRounding))
    return PermissionDenied(
        "%s noise_multiplier is %.17g, less than the %.17g that noise_sigma gives (DP-03)",
        sum.name, claimed.noise_multiplier, multiplier);
  return SumNoise{sensitivity, multiplier, sigma, sigma / std::sqrt(carriers)};
}

bool IsZero(const SumNoise& noise) {
  return noise.noise_multiplier == 0 && noise.noise_sigma == 0 && noise.share_sigma == 0;
}

}  // namespace

absl::StatusOr<PrivacyStatement> VerifyRun(const RunPrivacyInput& input,
                                           const ClaimedNoise& claimed) {
  VEILSUM_ASSIGN_OR_RETURN(const RunFacts facts, FactsOf(input));
  if (facts.statistics.has_value() != claimed.statistics.has_value())
    return PermissionDenied("noise of statistics is %s",
                            claimed.statistics ? "given for a run without statistics" : "missing");
  if (facts.evaluation.has_value() != claimed.evaluation.has_value())
    return PermissionDenied("noise of evaluation is %s",
                            claimed.evaluation ? "given for a run without evaluation" : "missing");
  if (input.epsilon == kInfinity) {
    if (!IsZero(claimed.training) || (claimed.statistics && !IsZero(*claimed.statistics)) ||
        (claimed.evaluation && !IsZero(*claimed.evaluation)))
      return PermissionDenied("a run without privacy claims noise (SE-12)");
    VEILSUM_RETURN_IF_ERROR(CheckRings(facts, claimed));
    return NoStatement(facts.delta);
  }
  RunNoise noise{};
  VEILSUM_ASSIGN_OR_RETURN(noise.training,
                           VerifySum(facts.training, facts.carriers, claimed.training));
  if (facts.statistics) {
    VEILSUM_ASSIGN_OR_RETURN(noise.statistics,
                             VerifySum(*facts.statistics, facts.carriers, *claimed.statistics));
  }
  if (facts.evaluation) {
    VEILSUM_ASSIGN_OR_RETURN(noise.evaluation,
                             VerifySum(*facts.evaluation, facts.carriers, *claimed.evaluation));
  }
  VEILSUM_RETURN_IF_ERROR(CheckRings(facts, claimed));
  const PrivacyStatement statement = MakeStatement(facts, noise);
  if (facts.evaluation &&
      !(statement.evaluation_epsilon <= input.evaluation->share * input.epsilon * (1 + kRounding)))
    return PermissionDenied("the noise gives evaluation epsilon %.9g, its share is %.9g",
                            statement.evaluation_epsilon, input.evaluation->share * input.epsilon);
  if (!(statement.epsilon <= input.epsilon * (1 + kRounding)))
    return PermissionDenied("the noise gives epsilon %.9g at delta %g, the claim is %.9g",
                            statement.epsilon, input.delta, input.epsilon);
  VEILSUM_RETURN_IF_ERROR(CheckSlack(statement));
  return statement;
}

}  // namespace veilsum::dp
