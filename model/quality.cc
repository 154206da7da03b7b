#include "model/quality.h"

#include <algorithm>
#include <cmath>

#include "model/plan/scale.h"

namespace veilsum::model {
namespace {

absl::StatusOr<Quality> EvaluateTwo(std::span<const float> logits, std::span<const float> labels) {
  VEILSUM_ASSIGN_OR_RETURN(BinaryMetrics metrics, EvaluateBinary(logits, labels));
  Quality out;
  out.rows = metrics.rows;
  out.loss = metrics.log_loss;
  out.log_loss = metrics.log_loss;
  out.accuracy = metrics.accuracy;
  out.majority_accuracy = metrics.majority_accuracy;
  out.roc_auc = metrics.roc_auc;
  out.pr_auc = metrics.pr_auc;
  out.calibration = std::move(metrics.calibration);
  return out;
}

// ln(sum over i of e^z_i), without `skip`.
double LogSum(std::span<const float> z, std::size_t skip) {
  double largest = -INFINITY, sum = 0;
  for (std::size_t i = 0; i < z.size(); ++i)
    if (i != skip) largest = std::max<double>(largest, z[i]);
  for (std::size_t i = 0; i < z.size(); ++i)
    if (i != skip) sum += std::exp(static_cast<double>(z[i]) - largest);
  return largest + std::log(sum);
}

// Of the class against all others, by its log odds.
absl::StatusOr<std::optional<double>> AgainstOthers(std::size_t of, std::size_t classes,
                                                    std::span<const float> outputs,
                                                    std::span<const float> labels) {
  std::vector<float> odds, is(labels.size());
  for (std::size_t row = 0; row < labels.size(); ++row) {
    const auto z = outputs.subspan(row * classes, classes);
    odds.push_back(static_cast<float>(static_cast<double>(z[of]) - LogSum(z, of)));
    is[row] = labels[row] == static_cast<float>(of) ? 1 : 0;
  }
  VEILSUM_ASSIGN_OR_RETURN(const BinaryMetrics metrics, EvaluateBinary(odds, is));
  return metrics.roc_auc;
}

absl::StatusOr<Quality> EvaluateClasses(std::size_t classes, std::span<const float> outputs,
                                        std::span<const float> labels) {
  std::vector<std::size_t> counts(classes);
  double loss = 0;
  std::size_t right = 0;
  for (std::size_t row = 0; row < labels.size(); ++row) {
    if (!(labels[row] >= 0 && labels[row] < static_cast<float>(classes)))
      return InvalidArgument("label %d is not one of %d classes", row, classes);
    const auto label = static_cast<std::size_t>(labels[row]);
    const auto z = outputs.subspan(row * classes, classes);
    ++counts[label];
    loss += LogSum(z, classes) - static_cast<double>(z[label]);
    right += static_cast<std::size_t>(std::ranges::max_element(z) - z.begin()) == label;
  }
  Quality out;
  out.rows = labels.size();
  const double rows = static_cast<double>(out.rows);
  out.loss = loss / rows;
  out.log_loss = out.loss;
  out.accuracy = static_cast<double>(right) / rows;
  out.majority_accuracy = static_cast<double>(std::ranges::max(counts)) / rows;
  double sum = 0;
  std::size_t present = 0;
  for (std::size_t c = 0; c < classes; ++c) {
    if (counts[c] == 0 || counts[c] == labels.size()) continue;
    VEILSUM_ASSIGN_OR_RETURN(const auto auc, AgainstOthers(c, classes, outputs, labels));
    sum += auc.value_or(0);
    ++present;
  }
  if (present > 0) out.roc_auc = sum / static_cast<double>(present);
  return out;
}

Quality EvaluateValues(const Label& label, std::span<const float> outputs,
                       std::span<const float> labels) {
  double loss = 0, squares = 0, absolute = 0, sum = 0, sum_squares = 0;
  const Scale scale(label);
  const double huber = label.huber ? label.huber->ToDouble() : INFINITY;
  for (std::size_t row = 0; row < labels.size(); ++row) {
    const double scaled = std::abs(static_cast<double>(outputs[row]) - labels[row]);
    loss += scaled <= huber ? scaled * scaled / 2 : huber * (scaled - huber / 2);
    const double truth = scale.Decode(labels[row]);
    const double error = scale.Decode(outputs[row]) - truth;
    squares += error * error;
    absolute += std::abs(error);
    sum += truth;
    sum_squares += truth * truth;
  }
  const double rows = static_cast<double>(labels.size());
  const double spread = sum_squares - sum * sum / rows;
  Quality out;
  out.rows = labels.size();
  out.loss = loss / rows;
  out.rmse = std::sqrt(squares / rows);
  out.mae = absolute / rows;
  if (spread > sum_squares * 0x1p-40) out.r2 = 1 - squares / spread;
  return out;
}

absl::StatusOr<Quality> EvaluateLabel(const Label& label, std::span<const float> outputs,
                                      std::span<const float> labels) {
  if (label.kind == LabelKind::kSegment)
    return InvalidArgument("segments have no labels to be scored by");
  if (label.kind == LabelKind::kBinary) return EvaluateTwo(outputs, labels);
  if (labels.empty()) return InvalidArgument("there is nothing to score");
  if (outputs.size() != labels.size() * label.outputs())
    return InvalidArgument("%d outputs for %d labels, must be %d for each", outputs.size(),
                           labels.size(), label.outputs());
  for (const float output : outputs)
    if (!std::isfinite(output)) return InvalidArgument("an output is not finite");
  if (label.kind == LabelKind::kClass) return EvaluateClasses(label.outputs(), outputs, labels);
  return EvaluateValues(label, outputs, labels);
}

struct Scored {
  std::vector<float> outputs, labels;
};

// The outputs of one head, `first` on, of the rows that have a label.
absl::StatusOr<Scored> PartOf(const Plan& plan, std::size_t first, const Label& label,
                              std::span<const float> outputs, std::span<const float> labels) {
  const std::size_t width = plan.model_outputs();
  if (outputs.size() != labels.size() * width)
    return InvalidArgument("%d outputs for %d labels, must be %d for each", outputs.size(),
                           labels.size(), width);
  Scored out;
  for (std::size_t row = 0; row < labels.size(); ++row) {
    if (std::isnan(labels[row])) continue;
    const auto mine = outputs.subspan(row * width + first, label.outputs());
    out.outputs.insert(out.outputs.end(), mine.begin(), mine.end());
    out.labels.push_back(labels[row]);
  }
  return out;
}

}  // namespace

absl::StatusOr<Quality> Evaluate(const Plan& plan, std::span<const float> outputs,
                                 std::span<const float> labels) {
  if (plan.heads.empty()) return EvaluateLabel(plan.label, outputs, labels);
  VEILSUM_ASSIGN_OR_RETURN(const Scored scored, PartOf(plan, 0, plan.label, outputs, labels));
  return EvaluateLabel(plan.label, scored.outputs, scored.labels);
}

absl::StatusOr<Quality> EvaluateSegments(std::span<const float> points, std::size_t width,
                                         std::span<const double> centres) {
  VEILSUM_ASSIGN_OR_RETURN(SegmentQuality segments, EvaluateCentres(points, width, centres));
  Quality out;
  out.rows = segments.rows;
  out.loss = segments.mean_squared_distance / 2;
  out.segments = std::move(segments);
  return out;
}

absl::StatusOr<Quality> EvaluateHead(const Plan& plan, std::size_t head,
                                     std::span<const float> outputs,
                                     std::span<const float> labels) {
  std::size_t first = plan.outputs();
  for (std::size_t h = 0; h < head; ++h) first += plan.heads[h].label.outputs();
  const Label& label = plan.heads[head].label;
  VEILSUM_ASSIGN_OR_RETURN(const Scored scored, PartOf(plan, first, label, outputs, labels));
  return EvaluateLabel(label, scored.outputs, scored.labels);
}

}  // namespace veilsum::model
