#include "model/plan/plan.h"

namespace veilsum::model {

std::size_t Plan::numeric_inputs() const {
  std::size_t count = 0;
  for (const Feature& feature : features) count += feature.kind == FeatureKind::kNumeric;
  return count;
}

std::size_t Plan::bag_inputs() const {
  std::size_t count = 0;
  for (const Feature& feature : features)
    count += feature.encoder ? feature.channels : feature.width;
  return count;
}

std::size_t Plan::one_hot_inputs() const {
  std::size_t count = 0;
  for (const Feature& feature : features)
    if (feature.kind == FeatureKind::kCategorical) count += feature.buckets;
  return count;
}

std::size_t Plan::model_outputs() const {
  std::size_t count = outputs();
  for (const SideHead& head : heads) count += head.label.outputs();
  return count;
}

namespace {

// Centres are means of numbers, and every model between steps is public.
absl::Status CheckSegments(const Plan& plan) {
  if (plan.task != Task::kSegments) return absl::OkStatus();
  if (plan.training.mode != Mode::kDistributed)
    return FailedPrecondition("plan %s: segments needs training.mode \"distributed\"", plan.name);
  if (plan.training.regularisation.l1 != Exactly(0) ||
      plan.training.regularisation.l2 != Exactly(0))
    return FailedPrecondition(
        "plan %s: training.l1 and training.l2 are of weights, which segments "
        "have none of",
        plan.name);
  for (const Feature& feature : plan.features)
    if (feature.kind != FeatureKind::kNumeric)
      return FailedPrecondition(
          "plan %s: feature %s.%s is not numeric: segments are of numeric features only", plan.name,
          feature.table, feature.column);
  return absl::OkStatus();
}

absl::Status CheckItems(const Plan& plan) {
  if (plan.label.attributes.empty() || plan.heads.empty()) return absl::OkStatus();
  return FailedPrecondition("plan %s: items with attributes need a model without [[head]]",
                            plan.name);
}

}  // namespace

absl::Status CheckRunnable(const Plan& plan) {
  if (plan.task == Task::kMultiTask)
    return FailedPrecondition(
        "plan %s: task \"multi_task\" is not one that this build can run: name the first label's "
        "task, and give the others as [[head]]",
        plan.name);
  if (plan.q_learning && (plan.training.mode != Mode::kDistributed || !plan.heads.empty()))
    return FailedPrecondition(
        "plan %s: q_learning needs training.mode \"distributed\", whose models are public between "
        "steps, and no [[head]]",
        plan.name);
  if (plan.task != Task::kBinary && plan.evaluation)
    return FailedPrecondition(
        "plan %s: evaluation by private histograms is for task \"binary\" only; leave it out",
        plan.name);
  VEILSUM_RETURN_IF_ERROR(CheckSegments(plan));
  VEILSUM_RETURN_IF_ERROR(CheckItems(plan));
  if (plan.network.hidden.empty() &&
      (plan.network.dropout != Exactly(0) || plan.network.layer_norm))
    return FailedPrecondition(
        "plan %s: model.dropout and model.normalisation are of hidden layers, and there are none",
        plan.name);
  return absl::OkStatus();
}

}  // namespace veilsum::model
