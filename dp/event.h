// What an accountant is told: which mechanism ran how many times.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "dp/params.h"

namespace veilsum::dp {

// kDiscreteGaussian and kSkellam add integers to integer sums; kSkellam is the difference of two
// Poisson variables.
enum class NoiseKind { kGaussian, kLaplace, kDiscreteGaussian, kSkellam };
std::string_view NameOf(NoiseKind kind);  // "gaussian", "laplace", "discrete-gaussian", "skellam"

// kAddRemove: neighbouring data sets differ by one unit that is there or not. kReplaceOne: by one
// unit's rows.
enum class Neighbouring { kAddRemove, kReplaceOne };

// The grid of an integer mechanism. All zero where the noise is not integer, or so fine that the
// grid does not show.
struct IntegerGrid {
  double sensitivity = 0;       // D2: how far one unit moves the integer vector, L2
  double sensitivity_l1 = 0;    // the same in L1; only kSkellam needs it, by Renyi accounting
  std::uint64_t dimension = 0;  // coordinates of the sum
};

// `count` releases with noise of `noise_multiplier` times the sensitivity, each over an independent
// Poisson sample in which every unit is present with probability `sampling_rate`; 1 is no sampling.
struct PrivacyEvent {
  double sampling_rate;  // in (0, 1]
  // Finite, > 0: standard deviation over L2 sensitivity; kLaplace: scale over L1 sensitivity.
  double noise_multiplier;
  std::uint64_t count;  // 0 is allowed and costs nothing
  NoiseKind noise = NoiseKind::kGaussian;
  // A person whose rows are at this many merchants, each sampling on its own (DP-16).
  unsigned merchants = 1;
  IntegerGrid grid = {};
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

// InvalidArgument naming the field that is out of range, or that this noise cannot have.
absl::Status ValidateEvent(const PrivacyEvent& event);

}  // namespace veilsum::dp
