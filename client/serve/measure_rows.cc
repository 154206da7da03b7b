#include "client/serve/measure_rows.h"

#include <nlohmann/json.hpp>

#include "client/data/feature_encoder.h"
#include "client/serve/row_batches.h"
#include "model/mlp.h"
#include "model/paired.h"
#include "model/quality.h"

namespace veilsum::client {
namespace {

using nlohmann::ordered_json;

constexpr std::size_t kMostMeasured = std::size_t{1} << 26;

struct Scored {
  std::vector<float> outputs, labels;  // rows x the model's outputs; rows
};

absl::Status AppendScored(const Predictor& predictor, const RowBatches& batch, Scored& to) {
  const model::Label& label = predictor.plan().label;
  VEILSUM_ASSIGN_OR_RETURN(const std::vector<float> outputs, predictor.Outputs(batch.examples()));
  to.outputs.insert(to.outputs.end(), outputs.begin(), outputs.end());
  for (std::size_t row = 0; row < batch.rows().size(); ++row) {
    const absl::StatusOr<float> value = ParseLabel(label, batch.more(row, 0));
    if (!value.ok())
      return InvalidArgument("%s:%d: column %s: %s", batch.name(), batch.rows()[row].line,
                             label.column, std::string(value.status().message()));
    to.labels.push_back(*value);
  }
  return absl::OkStatus();
}

absl::StatusOr<Scored> ScoreRows(const Predictor& predictor, const std::string& data) {
  const model::Label& label = predictor.plan().label;
  VEILSUM_ASSIGN_OR_RETURN(
      RowBatches batch,
      RowBatches::Open(predictor, data, CustomersPart::kHoldout, {{label.table, label.column}}));
  Scored out;
  while (true) {
    VEILSUM_ASSIGN_OR_RETURN(const bool more, batch.Next());
    if (!more) break;
    VEILSUM_RETURN_IF_ERROR(AppendScored(predictor, batch, out));
    if (out.labels.size() > kMostMeasured)
      return InvalidArgument("%s: more than %d rows", batch.name(), kMostMeasured);
  }
  if (out.labels.empty()) return InvalidArgument("%s: there are no rows", batch.name());
  return out;
}

// Of the model's first output, by DeLong: its difference from a score that knows nothing.
absl::StatusOr<ordered_json> RocAucInterval(const Scored& scored) {
  std::vector<float> first;
  const std::size_t width = scored.outputs.size() / scored.labels.size();
  for (std::size_t row = 0; row < scored.labels.size(); ++row)
    first.push_back(scored.outputs[row * width]);
  const std::vector<float> nothing(first.size());
  VEILSUM_ASSIGN_OR_RETURN(const model::Difference gain,
                           model::AucDifference(nothing, first, scored.labels));
  return ordered_json{std::max(0.5 + gain.low, 0.0), std::min(0.5 + gain.high, 1.0)};
}

}  // namespace

absl::StatusOr<std::string> MeasureRows(const Predictor& predictor, const std::string& data) {
  VEILSUM_ASSIGN_OR_RETURN(const Scored scored, ScoreRows(predictor, data));
  VEILSUM_ASSIGN_OR_RETURN(const model::Quality quality,
                           model::Evaluate(predictor.plan(), scored.outputs, scored.labels));
  ordered_json out{{"rows", quality.rows}};
  const auto add = [&](const char* name, const std::optional<double>& value) {
    if (value) out[name] = *value;
  };
  add("roc_auc", quality.roc_auc);
  if (quality.roc_auc)
    if (const auto interval = RocAucInterval(scored); interval.ok())
      out["roc_auc_interval"] = *interval;
  add("pr_auc", quality.pr_auc);
  add("accuracy", quality.accuracy);
  add("majority_accuracy", quality.majority_accuracy);
  add("log_loss", quality.log_loss);
  add("rmse", quality.rmse);
  add("mae", quality.mae);
  add("r2", quality.r2);
  return out.dump() + "\n";
}

}  // namespace veilsum::client
