// The least noise that meets a claim: bisection on an epsilon that falls as noise grows, ending on
// the safe side.
#pragma once

#include <functional>

#include "dp/analysis/rdp.h"

namespace veilsum::dp {

// The privacy loss as a function of the noise multiplier; must not grow with it. May return
// infinity.
using LossOfNoise = std::function<double(double noise_multiplier)>;

struct Calibration {
  double noise_multiplier;
  double epsilon;  // at this noise; at most the target
};

// Least noise multiplier in [0.05, 1e6], to a relative 1e-7 and never below the true one, whose
// loss is at most `target`. FailedPrecondition when even the largest does not meet it.
absl::StatusOr<Calibration> LeastNoise(double target, const LossOfNoise& loss);

// The same where a loss is dear: about ten evaluations from a guess of the noise, to a relative
// 1e-6.
absl::StatusOr<Calibration> LeastNoiseNear(double target, double guess, const LossOfNoise& loss);

// The same for `steps` Poisson-subsampled Gaussian releases composed with `others` (statistics,
// say), by RDP.
absl::StatusOr<Calibration> LeastNoise(Epsilon target, Delta delta, const SamplingRate& rate,
                                       std::uint64_t steps, const PrivacySchedule& others = {});

}  // namespace veilsum::dp
