// What an accountant is told: which mechanism ran how many times. Neighbouring data sets differ by
// one unit added or removed.
#pragma once

#include <cstdint>
#include <vector>

#include "dp/params.h"

namespace veilsum::dp {

// `count` releases with Gaussian noise of `noise_multiplier` times the sensitivity, each over an
// independent Poisson sample in which every unit is present with probability `sampling_rate`. A
// sampling rate of 1 is the plain Gaussian mechanism.
struct PrivacyEvent {
  double sampling_rate;     // in (0, 1]
  double noise_multiplier;  // finite, > 0
  std::uint64_t count;      // 0 is allowed and costs nothing
};

inline PrivacyEvent PoissonGaussianEvent(const SamplingRate& rate, NoiseMultiplier noise,
                                         std::uint64_t count) {
  return {rate.value(), noise.value(), count};
}
inline PrivacyEvent GaussianEvent(NoiseMultiplier noise, std::uint64_t count) {
  return {1.0, noise.value(), count};
}

// A composition; the order does not matter.
using PrivacySchedule = std::vector<PrivacyEvent>;

// InvalidArgument naming the field that is out of range.
absl::Status ValidateEvent(const PrivacyEvent& event);

}  // namespace veilsum::dp
