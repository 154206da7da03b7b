// A null round: every merchant contributes zeros and its noise share, so that the sum is noise
// alone and shows whether the noise that was agreed is there (DP-03). Over d coordinates sum / S^2
// is chi-square with d degrees of freedom: a standard deviation wrong by 0.4 % shows in 2^20
// coordinates. Of use only in rounds that are marked as null: a real sum's spread is not its
// noise's.
#pragma once

#include <cstdint>
#include <span>

#include "base/status.h"

namespace veilsum::dp {

struct NullRound {
  double sigma_ratio = 0;  // what was found over what was agreed
  double spread = 0;       // standard deviations of the estimate that the variance is off
  double mean = 0;         // standard deviations that the mean is off
  // Beyond 5.33 standard deviations, which right noise exceeds with probability 1e-7 for each.
  // Noise above the agreement wrongs nobody's privacy, but is not what was agreed either.
  bool suspicious() const;
};

// `sum`: centred sum of all contributions, grid units; `noise_sigma`: standard deviation that these
// contributions' shares have together (share_sigma * sqrt(merchants in the sum)). InvalidArgument:
// fewer than 1000 coordinates, or noise_sigma below 8.
absl::StatusOr<NullRound> CheckNullRound(std::span<const std::int64_t> sum, double noise_sigma);

}  // namespace veilsum::dp
