#include "model/paired.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "base/two_sided.h"

namespace veilsum::model {
namespace {

// Ranks from 1; equal scores share the mean of theirs.
std::vector<double> Midranks(const std::vector<float>& scores) {
  std::vector<std::size_t> order(scores.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, {}, [&](std::size_t i) { return scores[i]; });
  std::vector<double> ranks(scores.size());
  for (std::size_t begin = 0; begin < order.size();) {
    std::size_t end = begin;
    while (end < order.size() && scores[order[end]] == scores[order[begin]]) ++end;
    for (std::size_t i = begin; i < end; ++i)
      ranks[order[i]] = (static_cast<double>(begin) + static_cast<double>(end) + 1) / 2;
    begin = end;
  }
  return ranks;
}

// Of each positive the share of negatives below it, of each negative the share of positives above.
struct Components {
  std::vector<double> positive, negative;
  double auc = 0;
};

Components ComponentsOf(std::span<const float> scores, std::span<const float> labels) {
  std::vector<float> positives, negatives;
  for (std::size_t i = 0; i < scores.size(); ++i)
    (labels[i] == 1 ? positives : negatives).push_back(scores[i]);
  std::vector<float> all = positives;
  all.insert(all.end(), negatives.begin(), negatives.end());
  const std::vector<double> ranks = Midranks(all);
  const std::vector<double> among_positives = Midranks(positives);
  const std::vector<double> among_negatives = Midranks(negatives);
  const auto m = static_cast<double>(positives.size()), n = static_cast<double>(negatives.size());
  Components out;
  for (std::size_t i = 0; i < positives.size(); ++i)
    out.positive.push_back((ranks[i] - among_positives[i]) / n);
  for (std::size_t j = 0; j < negatives.size(); ++j)
    out.negative.push_back(1 - (ranks[positives.size() + j] - among_negatives[j]) / m);
  out.auc = std::accumulate(out.positive.begin(), out.positive.end(), 0.0) / m;
  return out;
}

// The variance of the mean of after - before.
double VarianceOfMean(std::span<const double> before, std::span<const double> after) {
  const auto n = static_cast<double>(before.size());
  double mean = 0, squares = 0;
  for (std::size_t i = 0; i < before.size(); ++i) mean += (after[i] - before[i]) / n;
  for (std::size_t i = 0; i < before.size(); ++i)
    squares += (after[i] - before[i] - mean) * (after[i] - before[i] - mean);
  return squares / (n - 1) / n;
}

Difference With(double before, double after, double variance) {
  const double value = after - before, half = kTwoSided95 * std::sqrt(variance);
  return {before, after, value, value - half, value + half};
}

}  // namespace

absl::StatusOr<Difference> AucDifference(std::span<const float> before,
                                         std::span<const float> after,
                                         std::span<const float> labels) {
  const auto positives = std::ranges::count(labels, 1.0f),
             negatives = std::ranges::count(labels, 0.0f);
  if (before.size() != labels.size() || after.size() != labels.size() || positives < 2 ||
      negatives < 2 || static_cast<std::size_t>(positives + negatives) != labels.size())
    return InvalidArgument("ROC-AUC needs a score for each row and two rows of each label");
  const Components b = ComponentsOf(before, labels), a = ComponentsOf(after, labels);
  return With(b.auc, a.auc,
              VarianceOfMean(b.positive, a.positive) + VarianceOfMean(b.negative, a.negative));
}

absl::StatusOr<Difference> MeanDifference(std::span<const double> before,
                                          std::span<const double> after) {
  if (before.size() != after.size() || before.size() < 2)
    return InvalidArgument("a mean needs the same rows, two at least");
  const auto mean = [](std::span<const double> values) {
    return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
  };
  return With(mean(before), mean(after), VarianceOfMean(before, after));
}

}  // namespace veilsum::model
