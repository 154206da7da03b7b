// One value of a table as inputs of the model, by public bounds and hashes alone: a merchant can
// compute it without a look at any other row (docs/formats.md, "Features").
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "model/plan/plan.h"

namespace veilsum::client {

// Where the inputs of plan.features[i] are.
struct FeaturePlace {
  std::size_t ordinal = 0;      // among the numeric features, the categorical ones, or the lists
  std::size_t first_input = 0;  // of a numeric or a categorical feature
};
std::vector<FeaturePlace> FeaturePlaces(const model::Plan& plan);

// 2 (L(x) - L(lo)) / (L(hi) - L(lo)) - 1 with x clipped to [lo, hi]; L(x) = sign(x) ln(1 + |x|)
// with log, else x.
float EncodeNumeric(const model::Feature& feature, double value);

// FNV-1a 64 of "column=value" modulo buckets.
std::uint32_t EncodeCategorical(const model::Feature& feature, std::string_view value);

// The whole text must be a finite decimal number, independent of the locale. InvalidArgument:
// `"abc" is not a number`.
absl::StatusOr<double> ParseNumber(std::string_view text);

// Binary: 0, 1, true, false (in any case). Class: the place of the text in label.values. Value: a
// number as of ParseNumber, clipped and scaled like a numeric feature. InvalidArgument otherwise.
absl::StatusOr<float> ParseLabel(const model::Label& label, std::string_view text);

// A reward as it is learnt: clipped to [lo, hi], over max(|lo|, |hi|). InvalidArgument as of
// ParseNumber.
absl::StatusOr<float> ParseReward(const model::QLearning& q, std::string_view text);

// The probability that a logged action was taken with: above 0, at most 1. InvalidArgument
// otherwise.
absl::StatusOr<float> ParsePropensity(std::string_view text);

// The place of the text in `evaluation.groups`; of any other text their number.
std::uint32_t EncodeGroup(const model::Evaluation& evaluation, std::string_view text);

// Whether a customer is held out by the plan's hash; the plan must have one.
bool IsHeldOutByHash(const model::Holdout& holdout, std::string_view customer);

// A value for a message: cut short when long.
std::string Quote(std::string_view value);

}  // namespace veilsum::client
