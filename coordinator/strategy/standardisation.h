// From the decoded noisy statistics sum (n, sum u_1..u_k, sum u_1^2..u_k^2) to the model's buffers.
// Post-processing: mean_j = S1_j / S0, variance_j = S2_j / S0 - mean_j^2, both forced into the
// range that numbers in [-1, 1] can have.
#pragma once

#include <span>

#include "base/status.h"
#include "dp/mechanism/private_quantiles.h"
#include "model/layout.h"

namespace veilsum::coordinator {

inline constexpr double kVarianceFloor =
    0.0025;  // a deviation of 0.05: 2.5 % of the public range of an input

// Writes input.mean and input.scale = 1 / sqrt(variance) into the first buffers of `model`. When
// the noisy count is below one customer the data are as good as absent: mean 0, scale 1. Never
// writes a number that is not finite. InvalidArgument: the layout has no buffers, the sum is not 1
// + 2 numeric long, scale is not positive.
absl::Status SetStandardisation(const model::Layout& layout, std::span<const std::int64_t> sum,
                                double scale, model::ModelVector& model);

// The same from a noisy histogram of every numeric input over [-1, 1], each cell with noise of
// standard deviation `noise_sigma` in grid units: mean is the median, 1 / scale half the distance
// between the quantiles that lie a deviation from a Gaussian's mean, at least that of
// kVarianceFloor. Where noise hides whether there is anybody, mean 0 and scale 1. InvalidArgument:
// the layout has no buffers, sizes, noise_sigma.
absl::Status SetStandardisation(const model::Layout& layout, std::span<const std::int64_t> cells,
                                const dp::HistogramGrid& grid, double noise_sigma,
                                model::ModelVector& model);

}  // namespace veilsum::coordinator
