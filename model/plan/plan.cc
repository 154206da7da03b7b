#include "model/plan/plan.h"

namespace veilsum::model {

std::size_t Plan::numeric_inputs() const {
  std::size_t count = 0;
  for (const Feature& feature : features) count += feature.kind == FeatureKind::kNumeric;
  return count;
}

std::size_t Plan::bag_inputs() const {
  std::size_t count = 0;
  for (const Feature& feature : features) count += feature.width;
  return count;
}

std::size_t Plan::one_hot_inputs() const {
  std::size_t count = 0;
  for (const Feature& feature : features)
    if (feature.kind == FeatureKind::kCategorical) count += feature.buckets;
  return count;
}

absl::Status CheckRunnable(const Plan& plan) {
  if (plan.task != Task::kBinary && plan.task != Task::kMultiClass &&
      plan.task != Task::kRegression)
    return FailedPrecondition(
        "plan %s: task must be \"binary\", \"multi_class\" or \"regression\", the ones that this "
        "build can run",
        plan.name);
  if (plan.task != Task::kBinary && plan.evaluation)
    return FailedPrecondition(
        "plan %s: evaluation by private histograms is for task \"binary\" only; leave it out",
        plan.name);
  if (plan.network.dropout != Exactly(0))
    return FailedPrecondition("plan %s: model.dropout is %s, this build can only run \"0\"",
                              plan.name, DecimalText(plan.network.dropout));
  return absl::OkStatus();
}

}  // namespace veilsum::model
