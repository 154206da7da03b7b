#include "client/serve/segment_profile.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "client/data/feature_encoder.h"
#include "client/serve/feature_name.h"

namespace veilsum::client {
namespace {

template <class Number>
double SumOf(const std::vector<Number>& numbers) {
  return static_cast<double>(std::accumulate(numbers.begin(), numbers.end(), Number{0}));
}

double Standardised(double segment, double all, double variance) {
  return variance > 1e-12 ? (segment - all) / std::sqrt(variance) : 0;
}

}  // namespace

SegmentProfile::SegmentProfile(const model::Plan& plan, std::size_t segments) : rows_(segments) {
  std::size_t place = 0;
  const std::vector<double> none(segments);
  for (const model::Feature& feature : plan.features) {
    if (feature.kind == model::FeatureKind::kNumeric)
      numeric_.push_back({&feature, place, none, none, none});
    if (feature.kind == model::FeatureKind::kCategorical)
      categorical_.push_back({&feature, place, {}});
    place += 1 + feature.more_columns.size();
  }
}

void SegmentProfile::Add(std::size_t segment, const FlatRow& row, std::span<const float> numbers) {
  ++rows_[segment];
  for (std::size_t i = 0; i < numeric_.size(); ++i) {
    Numeric& of = numeric_[i];
    const auto value = static_cast<double>(numbers[i]);
    of.sums[segment] += value;
    of.squares[segment] += value * value;
    of.raw[segment] += std::clamp(ParseNumber(row.values[of.place]).value_or(0),
                                  of.feature->lo.ToDouble(), of.feature->hi.ToDouble());
  }
  for (Categorical& of : categorical_) {
    const std::string& value = row.values[of.place];
    auto found = of.counts.find(value);
    if (found == of.counts.end() && of.counts.size() < kMaxProfileValues)
      found = of.counts.emplace(value, rows_.size()).first;
    if (found != of.counts.end()) ++found->second[segment];
  }
}

Trait SegmentProfile::TraitOf(const Numeric& of, std::size_t segment) const {
  const auto rows = static_cast<double>(rows_[segment]);
  const double all = SumOf(rows_), mean = SumOf(of.sums) / all;
  const double variance = SumOf(of.squares) / all - mean * mean;
  return {FeatureName(*of.feature), std::nullopt,
          Standardised(of.sums[segment] / rows, mean, variance), of.raw[segment] / rows,
          SumOf(of.raw) / all};
}

Trait SegmentProfile::TraitOf(const Categorical& of, const std::string& value,
                              const std::vector<std::size_t>& counts, std::size_t segment) const {
  const double inside = static_cast<double>(counts[segment]) / static_cast<double>(rows_[segment]);
  const double all = SumOf(counts) / SumOf(rows_);
  return {FeatureName(*of.feature), value, Standardised(inside, all, all * (1 - all)), inside, all};
}

std::vector<Trait> SegmentProfile::Traits(std::size_t segment, std::size_t count) const {
  if (rows_[segment] == 0) return {};
  std::vector<Trait> out;
  for (const Numeric& of : numeric_) out.push_back(TraitOf(of, segment));
  for (const Categorical& of : categorical_)
    for (const auto& [value, counts] : of.counts)
      out.push_back(TraitOf(of, value, counts, segment));
  std::ranges::stable_sort(out, std::greater(), [](const Trait& t) { return std::abs(t.effect); });
  if (out.size() > count) out.resize(count);
  return out;
}

}  // namespace veilsum::client
