#include "model/metrics.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace veilsum::model {
namespace {

absl::Status CheckScores(std::span<const float> logits, std::span<const float> labels,
                         std::size_t bins) {
  if (logits.size() != labels.size())
    return InvalidArgument("%d logits for %d labels", logits.size(), labels.size());
  if (logits.empty()) return InvalidArgument("there is nothing to score");
  if (bins == 0) return InvalidArgument("calibration needs at least one bin");
  for (std::size_t i = 0; i < logits.size(); ++i) {
    if (!std::isfinite(logits[i])) return InvalidArgument("logit %d is not finite", i);
    if (labels[i] != 0.0f && labels[i] != 1.0f) return InvalidArgument("label %d is not 0 or 1", i);
  }
  return absl::OkStatus();
}

// ln(1 + e^x) without overflow.
double Softplus(double x) { return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x))); }

double Sigmoid(double x) {
  return x >= 0 ? 1 / (1 + std::exp(-x)) : std::exp(x) / (1 + std::exp(x));
}

// Both areas in one walk from the highest logit down, a group of equal logits at a time.
// ROC: pairs (positive, negative) in the right order, ties one half (Mann and Whitney 1947).
// PR: sum over thresholds of precision times the recall gained there.
void AddRankings(std::span<const float> logits, std::span<const float> labels, BinaryMetrics& out) {
  std::vector<std::size_t> order(logits.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, [&](std::size_t a, std::size_t b) { return logits[a] > logits[b]; });
  const double positives = static_cast<double>(out.positives);
  const double negatives = static_cast<double>(out.rows - out.positives);
  double seen = 0, hits = 0, pairs = 0, average_precision = 0;
  for (std::size_t i = 0; i < order.size();) {
    double group = 0, group_hits = 0;
    const float logit = logits[order[i]];
    for (; i < order.size() && logits[order[i]] == logit; ++i) {
      group += 1;
      group_hits += labels[order[i]];
    }
    pairs += (group - group_hits) * (hits + group_hits / 2);
    seen += group;
    hits += group_hits;
    average_precision += hits / seen * group_hits;
  }
  if (positives > 0 && negatives > 0) out.roc_auc = pairs / (positives * negatives);
  if (positives > 0) out.pr_auc = average_precision / positives;
}

std::vector<CalibrationBin> Calibration(std::span<const float> logits,
                                        std::span<const float> labels, std::size_t bins) {
  std::vector<CalibrationBin> out(bins);
  for (std::size_t i = 0; i < logits.size(); ++i) {
    const double p = Sigmoid(logits[i]);
    CalibrationBin& bin =
        out[std::min(bins - 1, static_cast<std::size_t>(p * static_cast<double>(bins)))];
    ++bin.count;
    bin.mean_prediction += p;
    bin.positive_rate += labels[i];
  }
  for (CalibrationBin& bin : out) {
    if (bin.count == 0) continue;
    bin.mean_prediction /= static_cast<double>(bin.count);
    bin.positive_rate /= static_cast<double>(bin.count);
  }
  return out;
}

}  // namespace

absl::StatusOr<BinaryMetrics> EvaluateBinary(std::span<const float> logits,
                                             std::span<const float> labels,
                                             std::size_t calibration_bins) {
  VEILSUM_RETURN_IF_ERROR(CheckScores(logits, labels, calibration_bins));
  BinaryMetrics out;
  out.rows = logits.size();
  std::size_t right = 0;
  for (std::size_t i = 0; i < logits.size(); ++i) {
    const bool positive = labels[i] == 1.0f;
    out.positives += positive;
    right += (logits[i] >= 0) == positive;
    out.log_loss += Softplus(positive ? -logits[i] : logits[i]);
  }
  const double rows = static_cast<double>(out.rows);
  out.log_loss /= rows;
  out.accuracy = static_cast<double>(right) / rows;
  out.majority_accuracy =
      static_cast<double>(std::max(out.positives, out.rows - out.positives)) / rows;
  AddRankings(logits, labels, out);
  out.calibration = Calibration(logits, labels, calibration_bins);
  return out;
}

}  // namespace veilsum::model
