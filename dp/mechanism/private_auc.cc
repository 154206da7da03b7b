#include "dp/mechanism/private_auc.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace veilsum::dp {
namespace {

constexpr double kTwoSided95 = 1.959964;
constexpr double kPresence = 4;  // standard deviations of a label's total

absl::Status Validate(const ScoreHistogramGrid& grid) {
  if (grid.bins < 2 || grid.bins > 4096)
    return InvalidArgument("bins is %d, must be from 2 to 4096", grid.bins);
  if (grid.scale_log2 < 0 || grid.scale_log2 > 40)
    return InvalidArgument("scale_log2 is %d, must be from 0 to 40", grid.scale_log2);
  if (grid.users == 0 || grid.users > std::uint64_t{1} << 40)
    return InvalidArgument("users is %d, must be from 1 to 2^40", grid.users);
  return absl::OkStatus();
}

// Share of `weights` below each bin, its own bin by half: the chance that a member of the other
// label in that bin ranks above one of these.
std::vector<double> ShareBelow(const std::vector<double>& weights, double total) {
  std::vector<double> share;
  double below = 0;
  for (const double weight : weights) {
    share.push_back((below + weight / 2) / total);
    below += weight;
  }
  return share;
}

struct Spread {
  double noise = 0, sampling = 0;  // variances
};

// How AUC = mean over `weights` of `share` moves when one cell's count does: (share - auc) / total
// (the delta method; DeLong, DeLong, Clarke-Pearson 1988 for sampling).
Spread SpreadOf(const std::vector<double>& weights, const std::vector<double>& share, double auc,
                double total, double sigma) {
  Spread spread;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const double slope = (share[i] - auc) / total;
    spread.noise += slope * slope * sigma * sigma;
    spread.sampling += slope * slope * weights[i];
  }
  return spread;
}

std::vector<CalibrationBin> CalibrationOf(const std::vector<double>& negative,
                                          const std::vector<double>& positive, double sigma) {
  std::vector<CalibrationBin> bins;
  for (std::size_t i = 0; i < negative.size(); ++i) {
    const double total = negative[i] + positive[i];
    CalibrationBin bin{(static_cast<double>(i) + 0.5) / static_cast<double>(negative.size()), 0, 1};
    if (total > 0) {
      const double p = bin.observed = positive[i] / total;
      const double noise = sigma * sigma * (p * p + (1 - p) * (1 - p)) / (total * total);
      bin.error = std::min(1.0, std::sqrt(noise + p * (1 - p) / std::max(1.0, total)));
    }
    bins.push_back(bin);
  }
  return bins;
}

}  // namespace

absl::StatusOr<double> ScoreHistogramSensitivity(const ScoreHistogramGrid& grid) {
  VEILSUM_RETURN_IF_ERROR(Validate(grid));
  const double scale = std::ldexp(1.0, grid.scale_log2), users = static_cast<double>(grid.users);
  const double cells = 2.0 * grid.bins;
  return scale + std::sqrt(cells) + 2 * scale * users * users * 0x1p-53 * std::sqrt(cells);
}

absl::StatusOr<PrivateAuc> AucOfHistograms(const ScoreHistogramGrid& grid,
                                           std::span<const std::int64_t> sum, double noise_sigma) {
  VEILSUM_RETURN_IF_ERROR(Validate(grid));
  if (sum.size() != 2 * std::size_t{grid.bins})
    return InvalidArgument("the sum has %d cells, must have 2 * bins = %d", sum.size(),
                           2 * grid.bins);
  if (!(noise_sigma >= 0 && std::isfinite(noise_sigma)))
    return InvalidArgument("noise_sigma is %g, must be finite and not negative", noise_sigma);
  const double scale = std::ldexp(1.0, grid.scale_log2), sigma = noise_sigma / scale;
  std::vector<double> labels[2];
  double totals[2];
  for (int label = 0; label < 2; ++label) {
    const auto cells = sum.subspan(static_cast<std::size_t>(label) * grid.bins, grid.bins);
    double unclamped = 0;
    for (const std::int64_t cell : cells) {
      unclamped += static_cast<double>(cell) / scale;
      labels[label].push_back(std::max(0.0, static_cast<double>(cell) / scale));
    }
    const double doubt = kPresence * sigma * std::sqrt(static_cast<double>(grid.bins));
    if (!(unclamped > doubt))
      return FailedPrecondition("label %d has a noisy total of %.3g, must be above %.3g", label,
                                unclamped, doubt);
    totals[label] = std::accumulate(labels[label].begin(), labels[label].end(), 0.0);
  }
  const std::vector<double> below = ShareBelow(labels[0], totals[0]);
  std::vector<double> above = ShareBelow(labels[1], totals[1]);
  for (double& share : above) share = 1 - share;
  PrivateAuc result{};
  for (std::size_t i = 0; i < below.size(); ++i) result.auc += labels[1][i] * below[i] / totals[1];
  const Spread positive = SpreadOf(labels[1], below, result.auc, totals[1], sigma);
  const Spread negative = SpreadOf(labels[0], above, result.auc, totals[0], sigma);
  result.noise_error = std::sqrt(positive.noise + negative.noise);
  result.standard_error =
      std::sqrt(positive.noise + negative.noise + positive.sampling + negative.sampling);
  result.low = std::max(0.0, result.auc - kTwoSided95 * result.standard_error);
  result.high = std::min(1.0, result.auc + kTwoSided95 * result.standard_error);
  result.positives = totals[1];
  result.negatives = totals[0];
  result.calibration = CalibrationOf(labels[0], labels[1], sigma);
  return result;
}

}  // namespace veilsum::dp
