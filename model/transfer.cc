#include "model/transfer.h"

#include <algorithm>
#include <cmath>

#include "model/contract/privacy_terms.h"
#include "model/init.h"

namespace veilsum::model {
namespace {

std::string NameOfFeature(const Feature& feature) { return feature.table + "." + feature.column; }

absl::Status CheckCustomers(const Plan& earlier, const Plan& plan) {
  if (earlier.unit.column != plan.unit.column)
    return InvalidArgument("model.start: unit.column is \"%s\", the earlier release has \"%s\"",
                           plan.unit.column, earlier.unit.column);
  if (earlier.holdout == plan.holdout) return absl::OkStatus();
  return InvalidArgument(
      "model.start: holdout is not the earlier release's: customers that it has learnt from would "
      "judge this run's model");
}

absl::Status CheckFeatures(const Plan& earlier, const Plan& plan) {
  const std::size_t common = std::min(earlier.features.size(), plan.features.size());
  for (std::size_t i = 0; i < common; ++i) {
    const Feature &was = earlier.features[i], &is = plan.features[i];
    if (was == is) continue;
    if (NameOfFeature(was) == NameOfFeature(is))
      return InvalidArgument("model.start: feature[%d], %s, has other keys in the earlier release",
                             i + 1, NameOfFeature(is));
    return InvalidArgument("model.start: feature[%d] is %s, the earlier release has %s", i + 1,
                           NameOfFeature(is), NameOfFeature(was));
  }
  if (earlier.features.size() == plan.features.size()) return absl::OkStatus();
  const bool more = plan.features.size() > common;
  return InvalidArgument("model.start: feature[%d], %s, is in %s only", common + 1,
                         NameOfFeature((more ? plan : earlier).features[common]),
                         more ? "this plan" : "the earlier release");
}

absl::Status CheckHidden(const Network& earlier, const Network& network) {
  if (earlier.hidden.size() != network.hidden.size())
    return InvalidArgument("model.start: model.hidden has %d layers, the earlier release has %d",
                           network.hidden.size(), earlier.hidden.size());
  for (std::size_t l = 0; l < network.hidden.size(); ++l)
    if (earlier.hidden[l] != network.hidden[l])
      return InvalidArgument("model.start: model.hidden[%d] is %d, the earlier release has %d",
                             l + 1, network.hidden[l], earlier.hidden[l]);
  if (earlier.layer_norm != network.layer_norm)
    return InvalidArgument("model.start: model.normalisation is not the earlier release's");
  return absl::OkStatus();
}

absl::Status CheckInputs(const Plan& earlier, const Layout& from, const Plan& plan,
                         const Layout& layout) {
  VEILSUM_RETURN_IF_ERROR(CheckCustomers(earlier, plan));
  VEILSUM_RETURN_IF_ERROR(CheckFeatures(earlier, plan));
  VEILSUM_RETURN_IF_ERROR(CheckHidden(earlier.network, plan.network));
  if (from.standardised() == layout.standardised()) return absl::OkStatus();
  return InvalidArgument(
      "model.start: privacy.statistics_share is %s, and the earlier release's is %s: both "
      "standardise their numbers, or neither",
      DecimalText(plan.privacy.statistics_share), DecimalText(earlier.privacy.statistics_share));
}

absl::Status CheckNumbers(const ModelVector& model, const Layout& layout) {
  if (model.size() != layout.size())
    return InvalidArgument("model.start: the earlier release has %d numbers, must have %d",
                           model.size(), layout.size());
  if (std::ranges::all_of(model, [](float number) { return std::isfinite(number); }))
    return absl::OkStatus();
  return InvalidArgument("model.start: the earlier release has a number that is not finite");
}

// Losses may weigh otherwise: outputs mean the same.
bool AnswersAlike(const Plan& a, const Plan& b) {
  const auto same = [](const SideHead& x, const SideHead& y) { return x.label == y.label; };
  return a.task == b.task && a.label == b.label && a.q_learning == b.q_learning &&
         std::ranges::equal(a.heads, b.heads, same);
}

// A clip norm is no weight.
bool IsOfTrunk(const Layout& layout, const Tensor& tensor) {
  const Layer& last = layout.layers().back();
  const auto is_direct = [&](const Bag& bag) { return bag.direct && bag.weight == tensor.offset; };
  return tensor.offset != last.weight && tensor.offset != last.bias &&
         std::ranges::none_of(layout.bags(), is_direct);
}

}  // namespace

absl::StatusOr<ModelVector> StartFrom(const Plan& earlier, const ModelVector& earlier_model,
                                      const Plan& plan, std::uint64_t seed) {
  if (!earlier.is_private())
    return FailedPrecondition(
        "SE-12: model.start: the earlier model was trained without noise, its weights are not "
        "anybody's to start from");
  const Layout from = LayoutOf(earlier), layout = LayoutOf(plan);
  VEILSUM_RETURN_IF_ERROR(CheckInputs(earlier, from, plan, layout));
  VEILSUM_RETURN_IF_ERROR(CheckNumbers(earlier_model, from));
  const bool whole = AnswersAlike(earlier, plan);
  ModelVector model = InitialModel(layout, seed, HeadsOf(plan));
  bool taken = false;
  for (const Tensor& tensor : layout.tensors()) {
    const auto old = std::ranges::find(from.tensors(), tensor.name, &Tensor::name);
    if (tensor.offset == layout.clip_norm() || old == from.tensors().end() ||
        (!whole && !IsOfTrunk(layout, tensor)))
      continue;
    VEILSUM_CHECK(old->shape == tensor.shape);  // the same inputs and hidden layers
    std::copy_n(earlier_model.begin() + static_cast<std::ptrdiff_t>(old->offset), tensor.size,
                model.begin() + static_cast<std::ptrdiff_t>(tensor.offset));
    taken = taken || tensor.offset >= layout.buffers();
  }
  if (!taken)
    return InvalidArgument(
        "model.start: the label is another one, and nothing comes before the last layer");
  return model;
}

}  // namespace veilsum::model
