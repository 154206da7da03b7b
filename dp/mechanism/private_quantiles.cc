#include "dp/mechanism/private_quantiles.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/two_sided.h"

namespace veilsum::dp {
namespace {

constexpr double kTotalDoubt = 4;  // standard deviations of the total

// The closest sequence (least squares) that never falls: pool adjacent violators.
std::vector<double> Monotone(const std::vector<double>& values) {
  struct Pool {
    double mean;
    std::size_t size;
  };
  std::vector<Pool> pools;
  for (const double value : values) {
    pools.push_back({value, 1});
    while (pools.size() > 1 && pools[pools.size() - 2].mean > pools.back().mean) {
      const Pool last = pools.back();
      pools.pop_back();
      Pool& before = pools.back();
      const auto a = static_cast<double>(before.size), b = static_cast<double>(last.size);
      before = {(a * before.mean + b * last.mean) / (a + b), before.size + last.size};
    }
  }
  std::vector<double> out;
  for (const Pool& pool : pools) out.insert(out.end(), pool.size, pool.mean);
  return out;
}

}  // namespace

absl::Status ValidateGrid(const HistogramGrid& grid) {
  if (grid.columns < 1 || grid.columns > 4096)
    return InvalidArgument("columns is %d, must be from 1 to 4096", grid.columns);
  if (grid.bins < 2 || grid.bins > 4096)
    return InvalidArgument("bins is %d, must be from 2 to 4096", grid.bins);
  if (grid.scale_log2 < 0 || grid.scale_log2 > 40)
    return InvalidArgument("scale_log2 is %d, must be from 0 to 40", grid.scale_log2);
  return absl::OkStatus();
}

absl::StatusOr<double> HistogramSensitivity(const HistogramGrid& grid) {
  VEILSUM_RETURN_IF_ERROR(ValidateGrid(grid));
  return std::ldexp(std::sqrt(static_cast<double>(grid.columns)), grid.scale_log2);
}

void AddCustomer(const HistogramGrid& grid, std::span<const double> values,
                 std::span<std::int64_t> cells) {
  const std::size_t rows = values.size() / grid.columns;
  if (rows == 0 || !std::ranges::all_of(values, [](double v) { return std::isfinite(v); })) return;
  const std::int64_t each = (std::int64_t{1} << grid.scale_log2) / static_cast<std::int64_t>(rows);
  for (std::size_t i = 0; i < rows * grid.columns; ++i) {
    const double place = std::clamp(values[i], 0.0, 1.0) * grid.bins;
    const std::size_t bin = std::min<std::size_t>(grid.bins - 1, static_cast<std::size_t>(place));
    cells[i % grid.columns * grid.bins + bin] += each;
  }
}

absl::StatusOr<NoisyHistogram> NoisyHistogram::Create(const HistogramGrid& grid,
                                                      std::uint32_t column,
                                                      std::span<const std::int64_t> sum,
                                                      double noise_sigma) {
  VEILSUM_RETURN_IF_ERROR(ValidateGrid(grid));
  if (column >= grid.columns)
    return InvalidArgument("column is %d, must be below %d", column, grid.columns);
  if (sum.size() != HistogramDimension(grid))
    return InvalidArgument("the sum has %d cells, must have %d", sum.size(),
                           HistogramDimension(grid));
  if (!(noise_sigma >= 0 && std::isfinite(noise_sigma)))
    return InvalidArgument("noise_sigma is %g, must be finite and not negative", noise_sigma);
  NoisyHistogram out;
  const double scale = std::ldexp(1.0, grid.scale_log2);
  out.sigma_ = noise_sigma / scale;
  for (const std::int64_t cell : sum.subspan(std::size_t{column} * grid.bins, grid.bins))
    out.counts_.push_back(static_cast<double>(cell) / scale);
  out.total_ = std::accumulate(out.counts_.begin(), out.counts_.end(), 0.0);
  const double doubt = kTotalDoubt * out.sigma_ * std::sqrt(static_cast<double>(grid.bins));
  if (!(out.total_ > doubt))
    return FailedPrecondition("column %d has a noisy total of %.3g, must be above %.3g", column,
                              out.total_, doubt);
  std::vector<double> sums(out.counts_.size());
  std::partial_sum(out.counts_.begin(), out.counts_.end(), sums.begin());
  out.cumulative_ = Monotone(sums);
  for (double& value : out.cumulative_) value = std::max(0.0, value);
  return out;
}

double NoisyHistogram::Quantile(double p) const {
  const double wanted = p * cumulative_.back();
  const auto at = std::ranges::lower_bound(cumulative_, wanted);
  const auto bin = static_cast<std::size_t>(
      std::min<std::ptrdiff_t>(at - cumulative_.begin(), std::ssize(cumulative_) - 1));
  const double before = bin == 0 ? 0 : cumulative_[bin - 1], here = cumulative_[bin] - before;
  const double within = here > 0 ? std::clamp((wanted - before) / here, 0.0, 1.0) : 0;
  return (static_cast<double>(bin) + within) / static_cast<double>(cumulative_.size());
}

NoisyHistogram::Interval NoisyHistogram::QuantileInterval(double p) const {
  const std::size_t bins = counts_.size();
  const double sampling = std::max(1.0, total_) * p * (1 - p);
  // Edges between which the quantile may lie: the first that could be at or above it, the last at
  // or below.
  std::size_t low = bins, high = 0;
  double below = 0;
  for (std::size_t edge = 0; edge <= bins; ++edge) {
    const auto left = static_cast<double>(edge), right = static_cast<double>(bins - edge);
    const double noise = sigma_ * sigma_ * (left * (1 - p) * (1 - p) + right * p * p);
    const double slack = kTwoSided95 * std::sqrt(noise + sampling);
    const double excess = below - p * total_;
    if (excess >= -slack) low = std::min(low, edge);
    if (excess <= slack) high = std::max(high, edge);
    if (edge < bins) below += counts_[edge];
  }
  // The quantile may be anywhere inside the bin before the first edge, and after the last one.
  const auto width = static_cast<double>(bins);
  low = std::min(low, high);
  return {static_cast<double>(low == 0 ? 0 : low - 1) / width,
          static_cast<double>(std::min(bins, high + 1)) / width};
}

}  // namespace veilsum::dp
