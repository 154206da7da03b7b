// Histograms and quantiles of bounded columns from one noisy sum: K bins of equal width for each of
// k columns, whose public bounds the caller has mapped to [0, 1] (on a logarithmic scale for
// money). A customer spreads at most s = 2^scale_log2 whole grid points over the bins of each
// column, so it moves the sum by at most D2 = s sqrt(k) in L2, exactly: no rounding follows.
// Theory: differential-privacy.md, 1.e; cumulative counts are made monotone by isotonic regression
// (Barlow et al. 1972; for histograms Hay et al., arXiv 0904.0942). Reading is post-processing.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/status.h"

namespace veilsum::dp {

struct HistogramGrid {
  std::uint32_t columns;  // k, from 1 to 4096
  std::uint32_t bins;     // K, from 2 to 4096
  int scale_log2;         // from 0 to 40
};

// Both InvalidArgument naming field and bound.
absl::Status ValidateGrid(const HistogramGrid& grid);
absl::StatusOr<double> HistogramSensitivity(const HistogramGrid& grid);
inline std::uint64_t HistogramDimension(const HistogramGrid& grid) {
  return std::uint64_t{grid.columns} * grid.bins;
}

// Adds one customer's rows: `values` is rows x columns, in [0, 1]; what is outside counts at the
// nearest bound. Every row gets floor(s / rows) points in each column; a customer with a value that
// is not finite adds nothing to any column (DP-09). Needs a valid grid and cells.size() ==
// HistogramDimension(grid).
void AddCustomer(const HistogramGrid& grid, std::span<const double> values,
                 std::span<std::int64_t> cells);

// One column of a noisy sum.
class NoisyHistogram {
 public:
  // `sum`: all columns; `noise_sigma`: standard deviation of the noise in each cell, grid units.
  // FailedPrecondition when noise hides whether there is anybody (a total of fewer than 4 of its
  // standard deviations). InvalidArgument: sizes, column, noise_sigma.
  static absl::StatusOr<NoisyHistogram> Create(const HistogramGrid& grid, std::uint32_t column,
                                               std::span<const std::int64_t> sum,
                                               double noise_sigma);

  // Unbiased, in customers; a count may be below zero.
  const std::vector<double>& counts() const { return counts_; }
  double count_error() const { return sigma_; }  // standard deviation of each, from noise
  double total() const { return total_; }

  // The value in [0, 1] below which a share `p` of the customers' weight lies, linear within a bin.
  // Needs p in [0, 1]; not decreasing in p.
  double Quantile(double p) const;
  struct Interval {
    double low, high;
  };
  // 95 %, noise and sampling together, by inverting the test of "p lies at this edge": bin edges.
  Interval QuantileInterval(double p) const;

 private:
  NoisyHistogram() = default;
  std::vector<double> counts_, cumulative_;  // cumulative_: monotone, from 0 to its last
  double sigma_ = 0, total_ = 0;
};

}  // namespace veilsum::dp
