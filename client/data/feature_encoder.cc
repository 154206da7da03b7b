#include "client/data/feature_encoder.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/fnv1a.h"
#include "model/plan/scale.h"

namespace veilsum::client {
namespace {

bool EqualsIgnoringCase(std::string_view text, std::string_view lower) {
  return std::ranges::equal(
      text, lower, [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a + 32 : a) == b; });
}

}  // namespace

std::vector<FeaturePlace> FeaturePlaces(const model::Plan& plan) {
  std::vector<FeaturePlace> places(plan.features.size());
  std::size_t numeric = 0, categorical = 0, list = 0;
  std::size_t input = plan.numeric_inputs() + plan.bag_inputs();
  for (std::size_t i = 0; i < places.size(); ++i) {
    const model::Feature& feature = plan.features[i];
    if (feature.kind == model::FeatureKind::kNumeric) {
      places[i] = {numeric, numeric};
      ++numeric;
    } else if (feature.kind == model::FeatureKind::kCategorical) {
      places[i] = {categorical++, input};
      input += feature.buckets;
    } else {
      places[i].ordinal = list++;
    }
  }
  return places;
}

float EncodeNumeric(const model::Feature& feature, double value) {
  return model::Scale(feature).Encode(value);
}

std::uint32_t EncodeCategorical(const model::Feature& feature, std::string_view value) {
  return static_cast<std::uint32_t>(Fnv1a64(value, Fnv1a64("=", Fnv1a64(feature.column))) %
                                    feature.buckets);
}

absl::StatusOr<double> ParseNumber(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty()) return InvalidArgument("is empty, must be a number");
  if (end != text.data() + text.size() || error == std::errc::invalid_argument)
    return InvalidArgument("%s is not a number", Quote(text));
  if (error != std::errc() || !std::isfinite(value))
    return InvalidArgument("%s is not a finite number", Quote(text));
  return value;
}

absl::StatusOr<float> ParseLabel(const model::Label& label, std::string_view text) {
  if (label.kind == model::LabelKind::kValue) {
    VEILSUM_ASSIGN_OR_RETURN(const double value, ParseNumber(text));
    return model::Scale(label).Encode(value);
  }
  if (label.kind == model::LabelKind::kClass) {
    const auto found = std::ranges::find(label.values, text);
    if (found != label.values.end()) return static_cast<float>(found - label.values.begin());
    return InvalidArgument("%s is not one of the plan's label.values", Quote(text));
  }
  if (text == "1" || EqualsIgnoringCase(text, "true")) return 1.0f;
  if (text == "0" || EqualsIgnoringCase(text, "false")) return 0.0f;
  return InvalidArgument("%s is not a label, must be 0, 1, true or false", Quote(text));
}

absl::StatusOr<float> ParseReward(const model::QLearning& q, std::string_view text) {
  VEILSUM_ASSIGN_OR_RETURN(const double value, ParseNumber(text));
  return static_cast<float>(std::clamp(value, q.lo.ToDouble(), q.hi.ToDouble()) / q.scale());
}

absl::StatusOr<float> ParsePropensity(std::string_view text) {
  VEILSUM_ASSIGN_OR_RETURN(const double value, ParseNumber(text));
  const auto rounded = static_cast<float>(value);
  if (!(rounded > 0 && value <= 1))
    return InvalidArgument("%s is no propensity, must be above 0 and at most 1", Quote(text));
  return rounded;
}

std::uint32_t EncodeGroup(const model::Evaluation& evaluation, std::string_view text) {
  const auto found = std::ranges::find(evaluation.groups, text);
  return static_cast<std::uint32_t>(found - evaluation.groups.begin());
}

bool IsHeldOutByHash(const model::Holdout& holdout, std::string_view customer) {
  return Fnv1a64(customer) % holdout.mod == holdout.equals;
}

std::string Quote(std::string_view value) {
  constexpr std::size_t kLongest = 40;
  return absl::StrFormat("\"%s%s\"", value.substr(0, kLongest),
                         value.size() > kLongest ? "..." : "");
}

}  // namespace veilsum::client
