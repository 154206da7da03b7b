// A merchant's part of the private feature statistics: one vector a customer, averaged over the
// customer's rows, w = (1, u_1..u_k, u_1^2..u_k^2) with every u in [-1, 1], so that its L2 norm is
// at most sqrt(1 + 2k) by construction.
#pragma once

#include "base/status.h"
#include "dp/clip/clipped_sum.h"
#include "dp/mechanism/private_quantiles.h"
#include "model/examples.h"

namespace veilsum::client {

// sqrt(1 + 2 numeric): what one customer can add at most, in L2, before the scale.
double StatisticsNorm(int numeric);
inline std::size_t StatisticsSize(int numeric) { return 1 + 2 * static_cast<std::size_t>(numeric); }

// round_half_even(scale * sum of w), StatisticsSize numbers. Values are clipped to [-1, 1] once
// more; a customer with a value that is not finite, or without rows, contributes exactly zero.
// InvalidArgument when scale is not a power of two from 1 to 2^40.
absl::StatusOr<dp::ClippedSum> StatisticsSum(const model::Examples& examples, double scale);

// The same customers in bins of each numeric feature, over [-1, 1]: whole grid points, at most
// 2^scale_log2 a column (dp::AddCustomer). Needs grid.columns == examples.numeric; errors of
// dp::ValidateGrid.
absl::StatusOr<dp::ClippedSum> StatisticsHistogram(const model::Examples& examples,
                                                   const dp::HistogramGrid& grid);

// The same integers for a simulator or a test, which may see them without noise.
absl::StatusOr<std::vector<std::int64_t>> StatisticsGrid(const model::Examples& examples,
                                                         double scale);

}  // namespace veilsum::client
