#include "client/serve/fairness.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/two_sided.h"
#include "model/metrics.h"
#include "model/paired.h"

namespace veilsum::client {
namespace {

constexpr std::size_t kBins = 10;

double Sigmoid(float logit) { return 1 / (1 + std::exp(-static_cast<double>(logit))); }

void Settle(Share& share) {
  if (share.of > 0) share.share = WilsonShare(share.hits, share.of, kTwoSided95);
}

void Count(const GroupRows& group, double threshold, GroupFigures& out) {
  for (std::size_t i = 0; i < group.labels.size(); ++i) {
    const bool positive = group.labels[i] == 1, selected = Sigmoid(group.logits[i]) >= threshold;
    Share& among = positive ? out.true_positives : out.false_positives;
    ++out.positives.of, ++out.selected.of, ++among.of;
    out.positives.hits += positive;
    out.selected.hits += selected;
    among.hits += selected;
  }
  for (Share* share : {&out.positives, &out.selected, &out.true_positives, &out.false_positives})
    Settle(*share);
}

// Of a sum of n independent coins of chance p_i the mean distance to its mean is about
// sqrt(2 / pi * sum p_i (1 - p_i)).
double CalibrationByChance(const GroupRows& group) {
  std::vector<double> variance(kBins);
  for (const float logit : group.logits) {
    const double p = Sigmoid(logit);
    const auto bin = static_cast<std::size_t>(p * static_cast<double>(kBins));
    variance[std::min(bin, kBins - 1)] += p * (1 - p);
  }
  double sum = 0;
  for (const double v : variance) sum += std::sqrt(2 * std::numbers::inv_pi * v);
  return sum / static_cast<double>(group.logits.size());
}

// Against scores that say nothing, whose ROC-AUC is one half without any variance.
std::optional<Interval> AucOf(const GroupRows& group) {
  const std::vector<float> nothing(group.labels.size());
  const auto found = model::AucDifference(nothing, group.logits, group.labels);
  if (!found.ok()) return std::nullopt;
  return Interval{found->after, std::max(0.0, 0.5 + found->low), std::min(1.0, 0.5 + found->high)};
}

absl::StatusOr<GroupFigures> Measure(const GroupRows& group, double threshold) {
  VEILSUM_ASSIGN_OR_RETURN(const model::BinaryMetrics metrics,
                           model::EvaluateBinary(group.logits, group.labels, kBins));
  GroupFigures out;
  out.name = group.name;
  out.rows = group.labels.size();
  Count(group, threshold, out);
  out.roc_auc = AucOf(group);
  for (const model::CalibrationBin& bin : metrics.calibration)
    out.calibration_error += static_cast<double>(bin.count) *
                             std::abs(bin.mean_prediction - bin.positive_rate) /
                             static_cast<double>(out.rows);
  out.calibration_by_chance = CalibrationByChance(group);
  return out;
}

struct NamedShare {
  std::string name;
  Interval share;
};

// True differences of all pairs lie in their intervals at once, so the greatest of them lies
// between the greatest lower and the greatest upper limit.
std::optional<Gap> Widest(const std::vector<GroupFigures>& groups, Share GroupFigures::*which,
                          double families) {
  std::vector<const GroupFigures*> with;
  for (const GroupFigures& group : groups)
    if ((group.*which).of > 0) with.push_back(&group);
  if (with.size() < 2) return std::nullopt;
  const double pairs = static_cast<double>(with.size() * (with.size() - 1)) / 2;
  const double z = StandardErrors(1 - 0.05 / (pairs * families));
  std::vector<NamedShare> shares;
  for (const GroupFigures* g : with)
    shares.push_back({g->name, WilsonShare((g->*which).hits, (g->*which).of, z)});
  Gap out{{-1, 0, 0}, "", ""};
  for (const NamedShare& a : shares)
    for (const NamedShare& b : shares) {
      if (&a == &b) continue;
      const Interval difference = ShareDifference(a.share, b.share);
      if (difference.value > out.difference.value) {
        out.highest = a.name, out.lowest = b.name;
        out.difference.value = difference.value;
      }
      out.difference.low = std::max(out.difference.low, difference.low);
      out.difference.high = std::max(out.difference.high, difference.high);
    }
  return out;
}

std::optional<Gap> Larger(const std::optional<Gap>& a, const std::optional<Gap>& b) {
  if (!a || !b) return std::nullopt;
  Gap out = a->difference.value >= b->difference.value ? *a : *b;
  out.difference.low = std::max(a->difference.low, b->difference.low);
  out.difference.high = std::max(a->difference.high, b->difference.high);
  return out;
}

absl::Status Check(const std::vector<GroupRows>& groups, const FairnessTerms& terms) {
  if (!(terms.threshold >= 0 && terms.threshold <= 1))
    return InvalidArgument("threshold is %g, must be 0 to 1", terms.threshold);
  if (terms.min_group < 1) return InvalidArgument("min_group is 0, must be at least 1");
  for (const GroupRows& group : groups)
    if (group.logits.size() != group.labels.size())
      return InvalidArgument("group %s has %d logits and %d labels", group.name,
                             group.logits.size(), group.labels.size());
  return absl::OkStatus();
}

void Append(const GroupRows& group, GroupRows& to) {
  to.logits.insert(to.logits.end(), group.logits.begin(), group.logits.end());
  to.labels.insert(to.labels.end(), group.labels.begin(), group.labels.end());
}

}  // namespace

absl::StatusOr<Fairness> MeasureFairness(std::vector<GroupRows> groups,
                                         const FairnessTerms& terms) {
  VEILSUM_RETURN_IF_ERROR(Check(groups, terms));
  std::ranges::sort(groups, {}, &GroupRows::name);
  Fairness out;
  GroupRows together;
  for (const GroupRows& group : groups) {
    if (group.labels.size() < terms.min_group) {
      out.too_small.push_back(group.name);
      continue;
    }
    VEILSUM_ASSIGN_OR_RETURN(out.groups.emplace_back(), Measure(group, terms.threshold));
    Append(group, together);
  }
  if (out.groups.empty())
    return FailedPrecondition("no group has %d rows, the fewest that figures are given of",
                              terms.min_group);
  VEILSUM_ASSIGN_OR_RETURN(out.together, Measure(together, terms.threshold));
  out.demographic_parity = Widest(out.groups, &GroupFigures::selected, 1);
  out.true_positives = Widest(out.groups, &GroupFigures::true_positives, 2);
  out.false_positives = Widest(out.groups, &GroupFigures::false_positives, 2);
  out.equalised_odds = Larger(out.true_positives, out.false_positives);
  return out;
}

}  // namespace veilsum::client
