#include "dp/analysis/calibrate.h"

#include <cmath>

namespace veilsum::dp {
namespace {

constexpr double kLeast = 0.05;
constexpr double kMost = 1e6;

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
