#include "client/serve/group_report.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "client/data/feature_encoder.h"
#include "client/serve/printable.h"
#include "client/serve/row_batches.h"

namespace veilsum::client {
namespace {

using nlohmann::ordered_json;

constexpr std::size_t kMaxScored = std::size_t{1} << 23;  // about 80 bytes each at the most
constexpr char kOwn[] = "These figures are this merchant's own; nothing of them was sent.";

absl::Status AppendBatch(const Predictor& predictor, const FairnessQuestion& question,
                         const RowBatches& batch, std::map<std::string, GroupRows>& groups) {
  VEILSUM_ASSIGN_OR_RETURN(const std::vector<Prediction> predictions,
                           predictor.Predict(batch.examples(), false));
  for (std::size_t row = 0; row < predictions.size(); ++row) {
    const absl::StatusOr<float> label = ParseLabel(predictor.plan().label, batch.more(row, 0));
    if (!label.ok())
      return InvalidArgument("%s:%d: column %s: %s", batch.name(), batch.rows()[row].line,
                             predictor.plan().label.column, std::string(label.status().message()));
    GroupRows& group = groups[batch.more(row, 1)];
    if (groups.size() > kMaxGroups)
      return InvalidArgument("%s: column %s has more than %d values", batch.name(), question.group,
                             kMaxGroups);
    group.logits.push_back(static_cast<float>(predictions[row].logit));
    group.labels.push_back(*label);
  }
  return absl::OkStatus();
}

ordered_json NumbersOf(const Interval& interval) {
  return {{"value", interval.value}, {"low", interval.low}, {"high", interval.high}};
}
ordered_json NumbersOf(const std::optional<Interval>& interval) {
  return interval ? NumbersOf(*interval) : ordered_json();
}
ordered_json NumbersOf(const std::optional<Gap>& gap) {
  if (!gap) return {};
  ordered_json out = NumbersOf(gap->difference);
  out["highest"] = gap->highest;
  out["lowest"] = gap->lowest;
  return out;
}
ordered_json NumbersOf(const GroupFigures& figures) {
  return {{"group", figures.name},
          {"rows", figures.rows},
          {"positives", figures.positives.hits},
          {"positive_rate", NumbersOf(figures.positives.share)},
          {"selection_rate", NumbersOf(figures.selected.share)},
          {"true_positive_rate", NumbersOf(figures.true_positives.share)},
          {"false_positive_rate", NumbersOf(figures.false_positives.share)},
          {"roc_auc", NumbersOf(figures.roc_auc)},
          {"expected_calibration_error",
           {{"value", figures.calibration_error}, {"by_chance", figures.calibration_by_chance}}}};
}

std::string Cell(const std::optional<Interval>& of) {
  if (!of) return "-";
  return absl::StrFormat("%.3f (%.3f-%.3f)", of->value, of->low, of->high);
}

std::string Line(const GroupFigures& g, std::size_t width) {
  return absl::StrFormat("%-*s %8d  %-19s  %-19s  %-19s  %-19s  %-19s  %.3f (%.3f)\n",
                         static_cast<int>(width), Printable(g.name), g.rows,
                         Cell(g.positives.share), Cell(g.selected.share),
                         Cell(g.true_positives.share), Cell(g.false_positives.share),
                         Cell(g.roc_auc), g.calibration_error, g.calibration_by_chance);
}

std::string GapLine(const char* name, const std::optional<Gap>& gap) {
  if (!gap) return absl::StrFormat("%-30s -\n", name);
  return absl::StrFormat("%-30s %s  %s over %s\n", name, Cell(gap->difference),
                         Printable(gap->highest), Printable(gap->lowest));
}

}  // namespace

absl::StatusOr<Fairness> GroupFairness(const Predictor& predictor,
                                       const FairnessQuestion& question) {
  const model::Plan& plan = predictor.plan();
  if (plan.task != model::Task::kBinary)
    return FailedPrecondition("fairness between groups is measured of binary plans");
  VEILSUM_ASSIGN_OR_RETURN(
      RowBatches batch,
      RowBatches::Open(predictor, question.data, CustomersPart::kHoldout,
                       {{plan.label.table, plan.label.column}, {"", question.group}}));
  std::map<std::string, GroupRows> groups;
  for (std::size_t rows = 0;;) {
    VEILSUM_ASSIGN_OR_RETURN(const bool more, batch.Next());
    if (!more && rows == 0) return InvalidArgument("%s: there are no rows", batch.name());
    if (!more) break;
    rows += batch.rows().size();
    if (rows > kMaxScored)
      return InvalidArgument("%s: more than %d rows", batch.name(), kMaxScored);
    VEILSUM_RETURN_IF_ERROR(AppendBatch(predictor, question, batch, groups));
  }
  std::vector<GroupRows> list;
  for (auto& [name, rows] : groups) {
    rows.name = name;
    list.push_back(std::move(rows));
  }
  return MeasureFairness(std::move(list), question.terms);
}

std::string FairnessJson(const Predictor& predictor, const FairnessQuestion& question,
                         const Fairness& fairness) {
  const release::Manifest& manifest = predictor.release().manifest;
  ordered_json groups = ordered_json::array();
  for (const GroupFigures& figures : fairness.groups) groups.push_back(NumbersOf(figures));
  ordered_json together = NumbersOf(fairness.together);
  together.erase("group");
  return ordered_json{{"model", {{"model_id", manifest.model_id}, {"version", manifest.version}}},
                      {"column", question.group},
                      {"threshold", question.terms.threshold},
                      {"min_group", question.terms.min_group},
                      {"confidence", 0.95},
                      {"groups", groups},
                      {"too_small", fairness.too_small},
                      {"together", together},
                      {"differences",
                       {{"demographic_parity", NumbersOf(fairness.demographic_parity)},
                        {"true_positive_rate", NumbersOf(fairness.true_positives)},
                        {"false_positive_rate", NumbersOf(fairness.false_positives)},
                        {"equalised_odds", NumbersOf(fairness.equalised_odds)}}},
                      {"note", kOwn}}
             .dump(-1, ' ', false, ordered_json::error_handler_t::replace) +
         "\n";
}

std::string FairnessText(const FairnessQuestion& question, const Fairness& fairness) {
  std::size_t width = 12;
  for (const GroupFigures& figures : fairness.groups) width = std::max(width, figures.name.size());
  std::string out =
      absl::StrFormat("%-*s %8s  %-19s  %-19s  %-19s  %-19s  %-19s  %s\n", static_cast<int>(width),
                      question.group, "rows", "label 1", "selected", "selected of 1",
                      "selected of 0", "ROC-AUC", "calibration error (by chance)");
  for (const GroupFigures& figures : fairness.groups) out += Line(figures, width);
  GroupFigures together = fairness.together;
  together.name = "together";
  out += Line(together, width);
  for (const std::string& name : fairness.too_small)
    out += absl::StrFormat("%-*s fewer than %d rows: no figures\n", static_cast<int>(width),
                           Printable(name), question.terms.min_group);
  out += absl::StrFormat("\nGreatest differences between groups, selected from %g on:\n",
                         question.terms.threshold);
  out += GapLine("demographic parity", fairness.demographic_parity);
  out += GapLine("selected of 1", fairness.true_positives);
  out += GapLine("selected of 0", fairness.false_positives);
  out += GapLine("equalised odds", fairness.equalised_odds);
  return out + "\nIn brackets limits of 95 %; of differences for all pairs of groups at once.\n" +
         kOwn + "\n";
}

}  // namespace veilsum::client
