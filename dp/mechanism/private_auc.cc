#include "dp/mechanism/private_auc.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/two_sided.h"

namespace veilsum::dp {
namespace {

constexpr double kPresence = 4;  // standard deviations of a label's total
constexpr std::size_t kReliabilityBins = 10;

absl::Status Validate(const ScoreHistogramGrid& grid) {
  if (grid.bins < 2 || grid.bins > 4096)
    return InvalidArgument("bins is %d, must be from 2 to 4096", grid.bins);
  if (grid.scale_log2 < 0 || grid.scale_log2 > 40)
    return InvalidArgument("scale_log2 is %d, must be from 0 to 40", grid.scale_log2);
  if (grid.groups < 1 || grid.groups > kMaxScoreGroups)
    return InvalidArgument("groups is %d, must be from 1 to %d", grid.groups, kMaxScoreGroups);
  return absl::OkStatus();
}

absl::Status Validate(const ScoreHistogramGrid& grid, std::span<const std::int64_t> sum,
                      double noise_sigma) {
  VEILSUM_RETURN_IF_ERROR(Validate(grid));
  if (sum.size() != ScoreHistogramDimension(grid))
    return InvalidArgument("the sum has %d cells, must have 2 * bins * groups = %d", sum.size(),
                           ScoreHistogramDimension(grid));
  if (!(noise_sigma >= 0 && std::isfinite(noise_sigma)))
    return InvalidArgument("noise_sigma is %g, must be finite and not negative", noise_sigma);
  return absl::OkStatus();
}

// The cells of all groups together.
std::vector<std::int64_t> Together(const ScoreHistogramGrid& grid,
                                   std::span<const std::int64_t> sum) {
  std::vector<std::int64_t> all(2 * std::size_t{grid.bins});
  for (std::size_t i = 0; i < sum.size(); ++i) all[i % all.size()] += sum[i];
  return all;
}

// The noisy counts of one label, in customers.
struct Label {
  std::vector<double> counts;
  double total = 0;
};

absl::StatusOr<Label> LabelOf(int label, std::span<const std::int64_t> cells, double scale,
                              double sigma) {
  Label out;
  for (const std::int64_t cell : cells) out.counts.push_back(static_cast<double>(cell) / scale);
  out.total = std::accumulate(out.counts.begin(), out.counts.end(), 0.0);
  const double doubt = kPresence * sigma * std::sqrt(static_cast<double>(cells.size()));
  if (!(out.total > doubt))
    return FailedPrecondition("label %d has a noisy total of %.3g, must be above %.3g", label,
                              out.total, doubt);
  return out;
}

// Share of the label below each bin, its own bin by half: the chance that a member of the other
// label in that bin ranks above one of these.
std::vector<double> ShareBelow(const Label& label) {
  std::vector<double> share;
  double below = 0;
  for (const double count : label.counts) {
    share.push_back((below + count / 2) / label.total);
    below += count;
  }
  return share;
}

struct Spread {
  double noise = 0, sampling = 0;  // variances
};

// How AUC = mean over `label` of `share` moves when one cell's count does: (share - auc) / total
// (the delta method; DeLong, DeLong, Clarke-Pearson 1988 for sampling).
Spread SpreadOf(const Label& label, const std::vector<double>& share, double auc, double sigma) {
  Spread spread;
  for (std::size_t i = 0; i < label.counts.size(); ++i) {
    const double slope = (share[i] - auc) / label.total;
    spread.noise += slope * slope * sigma * sigma;
    spread.sampling += slope * slope * label.counts[i];
  }
  spread.sampling = std::max(0.0, spread.sampling);
  return spread;
}

// Noise of one label meets noise of the other: sum over pairs of cells of
// (what the pair counts - auc)^2 sigma^4, which matters where there are few customers.
double CrossVariance(double bins, double auc, double totals, double sigma) {
  const double ordered = bins * (bins - 1) / 2;
  const double pairs =
      ordered * ((1 - auc) * (1 - auc) + auc * auc) + bins * (0.5 - auc) * (0.5 - auc);
  return pairs * sigma * sigma * sigma * sigma / (totals * totals);
}

// Bins from, from + 1, ... as one.
ReliabilityBin Reliability(std::span<const double> negative, std::span<const double> positive,
                           std::size_t from, std::size_t bins, double sigma) {
  const auto middle = [&](std::size_t i) {
    return ScoreBinMiddle(static_cast<std::uint32_t>(from + i), static_cast<std::uint32_t>(bins));
  };
  ReliabilityBin out{0, 0, 1, 0};
  double yes = 0, no = 0, weight = 0;
  for (std::size_t i = 0; i < negative.size(); ++i) {
    const double here = std::max(0.0, negative[i] + positive[i]);
    out.predicted += here * middle(i);
    weight += here;
    yes += positive[i];
    no += negative[i];
  }
  const double cells = static_cast<double>(negative.size());
  out.predicted = weight > 0 ? out.predicted / weight : middle(negative.size() / 2);
  yes = std::max(0.0, yes);
  const double total = yes + std::max(0.0, no);
  if (!(total > 0)) return out;
  const double p = out.observed = yes / total;
  const double noise = cells * sigma * sigma * (p * p + (1 - p) * (1 - p)) / (total * total);
  out.error = std::min(1.0, std::sqrt(noise + p * (1 - p) / std::max(1.0, total)));
  out.customers = total;
  return out;
}

std::vector<ReliabilityBin> CalibrationOf(const Label& negative, const Label& positive,
                                          double sigma) {
  const std::size_t bins = negative.counts.size(), groups = std::min(bins, kReliabilityBins);
  std::vector<ReliabilityBin> out;
  for (std::size_t g = 0; g < groups; ++g) {
    const std::size_t from = g * bins / groups, size = (g + 1) * bins / groups - from;
    out.push_back(Reliability(std::span(negative.counts).subspan(from, size),
                              std::span(positive.counts).subspan(from, size), from, bins, sigma));
  }
  return out;
}

// The mean of `score`, score[i] being that of a customer in cell i of both labels' cells.
PrivateFigure MeanOf(const Label& negative, const Label& positive, std::span<const double> score,
                     double sigma) {
  std::vector<double> counts = negative.counts;
  counts.insert(counts.end(), positive.counts.begin(), positive.counts.end());
  return NoisyMean(counts, score, sigma);
}

PrivateFigure AccuracyOf(const Label& negative, const Label& positive, double sigma) {
  const std::size_t bins = negative.counts.size();
  std::vector<double> score(2 * bins);
  for (std::size_t i = 0; i < bins; ++i) {
    const double above = AboveHalf(i, bins);
    score[i] = 1 - above;
    score[bins + i] = above;
  }
  return Within(MeanOf(negative, positive, score, sigma), 0, 1);
}

// The mean of -ln sin^2 over angles from a to b <= pi / 2: -2 ln x exactly, the smooth rest by
// Simpson's rule.
double MeanLogLoss(double a, double b) {
  const auto whole = [](double x) { return x > 0 ? x * std::log(x) - x : 0; };
  const auto rest = [](double x) { return x > 0 ? std::log(std::sin(x) / x) : 0; };
  return -2 * ((whole(b) - whole(a)) / (b - a) + (rest(a) + 4 * rest((a + b) / 2) + rest(b)) / 6);
}

PrivateFigure LogLossOf(const Label& negative, const Label& positive, double sigma) {
  const std::size_t bins = negative.counts.size();
  const double width = M_PI_2 / static_cast<double>(bins);
  std::vector<double> score(2 * bins);
  for (std::size_t i = 0; i < bins; ++i) {
    const auto place = static_cast<double>(i);
    score[bins + i] = score[bins - 1 - i] = MeanLogLoss(place * width, (place + 1) * width);
  }
  return Within(MeanOf(negative, positive, score, sigma), 0, HUGE_VAL);
}

}  // namespace

std::uint32_t ScoreBin(double probability, std::uint32_t bins) {
  const double angle = std::asin(std::sqrt(std::clamp(probability, 0.0, 1.0)));
  return std::min(bins - 1, static_cast<std::uint32_t>(angle / M_PI_2 * bins));
}

double ScoreBinMiddle(std::uint32_t bin, std::uint32_t bins) {
  const double sine = std::sin((bin + 0.5) / bins * M_PI_2);
  return sine * sine;
}

absl::StatusOr<double> ScoreHistogramSensitivity(const ScoreHistogramGrid& grid) {
  VEILSUM_RETURN_IF_ERROR(Validate(grid));
  return std::ldexp(1.0, grid.scale_log2);
}

absl::StatusOr<ScoreHistogram> WithoutGroups(const ScoreHistogram& histogram) {
  VEILSUM_RETURN_IF_ERROR(Validate(histogram.grid, histogram.cells, histogram.noise_sigma));
  ScoreHistogram out{histogram.grid,
                     histogram.noise_sigma * std::sqrt(static_cast<double>(histogram.grid.groups)),
                     Together(histogram.grid, histogram.cells)};
  out.grid.groups = 1;
  return out;
}

absl::StatusOr<PrivateAuc> AucOfHistograms(const ScoreHistogramGrid& grid,
                                           std::span<const std::int64_t> sum, double noise_sigma) {
  VEILSUM_RETURN_IF_ERROR(Validate(grid, sum, noise_sigma));
  const std::vector<std::int64_t> all = Together(grid, sum);
  const double scale = std::ldexp(1.0, grid.scale_log2);
  const double sigma = noise_sigma * std::sqrt(static_cast<double>(grid.groups)) / scale;
  const std::span<const std::int64_t> cells = all;
  VEILSUM_ASSIGN_OR_RETURN(const Label negative, LabelOf(0, cells.first(grid.bins), scale, sigma));
  VEILSUM_ASSIGN_OR_RETURN(const Label positive, LabelOf(1, cells.last(grid.bins), scale, sigma));
  const std::vector<double> below = ShareBelow(negative);
  std::vector<double> above = ShareBelow(positive);
  for (double& share : above) share = 1 - share;
  double auc = 0;
  for (std::size_t i = 0; i < below.size(); ++i)
    auc += positive.counts[i] * below[i] / positive.total;
  PrivateAuc result{};
  result.auc = std::clamp(auc, 0.0, 1.0);
  const Spread yes = SpreadOf(positive, below, auc, sigma);
  const Spread no = SpreadOf(negative, above, auc, sigma);
  const double noise =
      yes.noise + no.noise + CrossVariance(grid.bins, auc, positive.total * negative.total, sigma);
  result.noise_error = std::sqrt(noise);
  result.standard_error = std::sqrt(noise + yes.sampling + no.sampling);
  result.low = std::clamp(auc - kTwoSided95 * result.standard_error, 0.0, 1.0);
  result.high = std::clamp(auc + kTwoSided95 * result.standard_error, 0.0, 1.0);
  result.positives = positive.total;
  result.negatives = negative.total;
  result.accuracy = AccuracyOf(negative, positive, sigma);
  result.log_loss = LogLossOf(negative, positive, sigma);
  result.calibration = CalibrationOf(negative, positive, sigma);
  return result;
}

absl::StatusOr<PrivateGroup> GroupOfHistograms(const ScoreHistogramGrid& grid, std::uint32_t group,
                                               std::span<const std::int64_t> sum,
                                               double noise_sigma) {
  VEILSUM_RETURN_IF_ERROR(Validate(grid, sum, noise_sigma));
  if (group >= grid.groups)
    return InvalidArgument("group is %d, must be below %d", group, grid.groups);
  const std::size_t cells = 2 * std::size_t{grid.bins};
  const std::span<const std::int64_t> own = sum.subspan(group * cells, cells);
  VEILSUM_ASSIGN_OR_RETURN(const PrivateAuc auc,
                           AucOfHistograms({grid.bins, grid.scale_log2}, own, noise_sigma));
  const double scale = std::ldexp(1.0, grid.scale_log2);
  std::vector<double> counts(cells), above(cells);
  for (std::size_t i = 0; i < cells; ++i) {
    counts[i] = static_cast<double>(own[i]) / scale;
    above[i] = AboveHalf(i % grid.bins, grid.bins);
  }
  const auto share = [&](std::size_t from, std::size_t size) {
    return Within(NoisyMean(std::span(counts).subspan(from, size),
                            std::span(above).subspan(from, size), noise_sigma / scale),
                  0, 1);
  };
  return PrivateGroup{{auc.auc, auc.low, auc.high}, share(0, cells), share(grid.bins, grid.bins),
                      share(0, grid.bins),          auc.positives,   auc.negatives};
}

}  // namespace veilsum::dp
