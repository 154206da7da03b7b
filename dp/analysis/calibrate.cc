#include "dp/analysis/calibrate.h"

#include <algorithm>
#include <cmath>

namespace veilsum::dp {
namespace {

constexpr double kLeast = 0.05;
constexpr double kMost = 1e6;
constexpr double kNear = 1e-6;  // relative width at which LeastNoiseNear ends

}  // namespace

absl::StatusOr<Calibration> LeastNoise(double target, const LossOfNoise& loss) {
  if (!(target > 0) || !std::isfinite(target))
    return InvalidArgument("epsilon is %g, must be finite and above 0", target);
  double enough = kMost, enough_loss = loss(kMost);
  if (!(enough_loss <= target))
    return FailedPrecondition(
        "no noise multiplier up to %g keeps epsilon at %g or below: it stays at %g", kMost, target,
        enough_loss);
  double too_little = kLeast;
  // Invariant: loss(enough) <= target. The midpoint is geometric, since noise spans decades.
  while (enough > too_little * (1 + 1e-7)) {
    const double middle = std::sqrt(enough * too_little);
    const double middle_loss = loss(middle);
    if (middle_loss <= target) {
      enough = middle;
      enough_loss = middle_loss;
    } else {
      too_little = middle;
    }
  }
  return Calibration{enough, enough_loss};
}

absl::StatusOr<Calibration> LeastNoiseNear(double target, double guess, const LossOfNoise& loss) {
  if (!(target > 0) || !std::isfinite(target))
    return InvalidArgument("epsilon is %g, must be finite and above 0", target);
  // The loss is near to a power of the noise: ln loss is near to a line over ln noise.
  const auto excess = [&](double noise) {
    return std::clamp(std::log(loss(noise) / target), -30.0, 30.0);
  };
  double enough = std::clamp(guess, kLeast, kMost), over = excess(enough);
  double little = enough, under = over;
  for (double factor = 1.05; over > 0; factor *= factor) {
    if (enough >= kMost)
      return FailedPrecondition("no noise multiplier up to %g keeps epsilon at %g or below", kMost,
                                target);
    little = enough, under = over;
    enough = std::min(kMost, enough * factor);
    over = excess(enough);
  }
  for (double factor = 1.1; under <= 0; factor *= factor) {
    if (little < enough) enough = little, over = under;
    if (little <= kLeast) return Calibration{kLeast, loss(kLeast)};
    little = std::max(kLeast, little / factor);
    under = excess(little);
  }
  // Regula falsi, whose stale end is weighed down (Illinois), aimed a little at the safe side.
  double weight_over = over, weight_under = under;
  for (int i = 0; i < 60 && enough > little * (1 + kNear); ++i) {
    const double share = weight_under / (weight_under - weight_over);
    const double width = std::log(enough / little);
    double next = little * std::exp(std::clamp(share, 0.001, 0.999) * width) * (1 + kNear / 3);
    if (!(next > little && next < enough)) next = std::sqrt(little * enough);
    const double here = excess(next);
    if (here <= 0) {
      enough = next, over = weight_over = here;
      weight_under /= 2;
    } else {
      little = next, under = weight_under = here;
      weight_over /= 2;
    }
  }
  return Calibration{enough, target * std::exp(over)};
}

absl::StatusOr<Calibration> LeastNoise(Epsilon target, Delta delta, const SamplingRate& rate,
                                       std::uint64_t steps, const PrivacySchedule& others) {
  if (steps == 0) return InvalidArgument("steps is 0, must be at least 1");
  for (const PrivacyEvent& event : others) VEILSUM_RETURN_IF_ERROR(ValidateEvent(event));
  PrivacySchedule schedule = others;
  schedule.push_back({rate.value(), 1.0, steps});
  return LeastNoise(target.value(), [&](double noise_multiplier) {
    schedule.back().noise_multiplier = noise_multiplier;
    return EpsilonOfSchedule(schedule, delta.value(), DefaultOrders(), Refine::kBetweenNeighbours)
        .epsilon;
  });
}

}  // namespace veilsum::dp
