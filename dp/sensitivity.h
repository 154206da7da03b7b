// How far one customer can move an integer sum (rule DP-02; lemma L1 in dp/README.md).
#pragma once

#include <cstdint>

#include "base/status.h"

namespace veilsum::dp {

// Shape of a training sum at one merchant: x = round(2^scale_log2 * sum of clipped gradients), ties
// to even, exact in int64.
struct TrainingGrid {
  std::uint64_t dimension;      // d
  int scale_log2;               // s = 2^scale_log2
  double clip_norm;             // C, model units
  std::uint64_t users_per_sum;  // B: customers whose gradients are added in floating point at one
                                // merchant (the padded batch, or a micro-batch)
  std::uint32_t rows_per_user;  // R
};

// K of DP-08: the clip factor is also at most K C / (sum of row norm products), which bounds what
// fp64 accumulation can lose.
inline constexpr double kRowProductLimit = 64;

// fp_err of L1: 2 s N_r 2^-53 (1 + 2^-20) B K C with N_r = B R rows accumulated in fp64. Grid
// units.
double AccumulationError(const TrainingGrid& grid);

// D2 = s C (1 + 2^-20) + sqrt(d) + fp_err, grid units. InvalidArgument unless every field is
// positive and s C >= 2^10 sqrt(d).
absl::StatusOr<double> TrainingSensitivity(const TrainingGrid& grid);

// Shape of a statistics sum: per customer the vector (1, u_1..u_k, u_1^2..u_k^2), u in [-1, 1], so
// its norm is at most D = sqrt(1 + 2k).
struct StatisticsGrid {
  std::uint32_t features;  // k >= 1
  int scale_log2;
  std::uint64_t
      users;  // bound on the customers of one merchant that are added in fp64 before rounding
};

std::uint64_t StatisticsDimension(const StatisticsGrid& grid);  // 1 + 2k
// s D + sqrt(dim) + fp_err, grid units; fp_err = 2 s users^2 2^-53 sqrt(dim). InvalidArgument as
// above.
absl::StatusOr<double> StatisticsSensitivity(const StatisticsGrid& grid);

}  // namespace veilsum::dp
