#include "client/serve/evaluate.h"

#include <nlohmann/json.hpp>
#include <unordered_map>

#include "client/data/feature_encoder.h"
#include "client/serve/folder_rows.h"
#include "client/serve/logged_policy.h"
#include "client/serve/measure_rows.h"
#include "client/serve/measure_segments.h"
#include "client/serve/ranking_quality.h"
#include "client/serve/row_source.h"
#include "model/mlp.h"

namespace veilsum::client {
namespace {

using nlohmann::ordered_json;

constexpr std::size_t kMaxRows = std::size_t{1} << 22;  // all of them are held at once

struct KnownRows {
  model::Examples rows;
  std::vector<std::size_t> chosen;  // class or action
  std::vector<double> rewards, propensities;
};

absl::Status AppendKnown(const model::Plan& plan, const EvaluateQuestion& question,
                         const FlatRow& row, std::size_t first, const std::string& name,
                         KnownRows& to) {
  const auto wrong = [&](const std::string& column, const absl::Status& status) {
    return InvalidArgument("%s:%d: column %s: %s", name, row.line, column,
                           std::string(status.message()));
  };
  const absl::StatusOr<float> label = ParseLabel(plan.label, row.values[first]);
  if (!label.ok()) return wrong(plan.label.column, label.status());
  to.chosen.push_back(static_cast<std::size_t>(*label));
  if (!plan.q_learning) return absl::OkStatus();
  const absl::StatusOr<double> reward = ParseNumber(row.values[first + 1]);
  if (!reward.ok()) return wrong(plan.q_learning->reward, reward.status());
  const absl::StatusOr<double> propensity = ParseNumber(row.values[first + 2]);
  if (!propensity.ok())
    return wrong(question.propensity.empty() ? plan.q_learning->propensity : question.propensity,
                 propensity.status());
  to.rewards.push_back(*reward);
  to.propensities.push_back(*propensity);
  return absl::OkStatus();
}

absl::StatusOr<KnownRows> ReadKnownFolder(const model::Plan& plan, const std::string& folder) {
  VEILSUM_ASSIGN_OR_RETURN(FolderRows read,
                           ReadFolder(plan, folder, CustomersPart::kHoldout, {}, 0));
  KnownRows out{std::move(read.examples), {}, {}, {}};
  if (out.rows.rows() == 0) return InvalidArgument("%s: nobody is held out", folder);
  for (const float label : out.rows.labels) out.chosen.push_back(static_cast<std::size_t>(label));
  return out;
}

absl::StatusOr<KnownRows> ReadRows(const Predictor& predictor, const EvaluateQuestion& question) {
  const model::Plan& plan = predictor.plan();
  if (IsFolder(question.data)) return ReadKnownFolder(plan, question.data);
  VEILSUM_ASSIGN_OR_RETURN(const RowEncoder* encoder, predictor.encoder());
  std::vector<WantedColumn> wanted = encoder->wanted();
  const std::size_t first = wanted.size();
  wanted.push_back({plan.label.table, plan.label.column});
  if (plan.q_learning) {
    wanted.push_back({plan.label.table, plan.q_learning->reward});
    wanted.push_back(question.propensity.empty()
                         ? WantedColumn{plan.label.table, plan.q_learning->propensity}
                         : WantedColumn{"", question.propensity});
  }
  VEILSUM_ASSIGN_OR_RETURN(const std::unique_ptr<RowSource> source,
                           OpenRowSource(question.data, std::move(wanted), plan.unit.column));
  KnownRows out{encoder->Empty(), {}, {}, {}};
  FlatRow row;
  while (true) {
    VEILSUM_ASSIGN_OR_RETURN(const bool more, source->Next(row));
    if (!more) break;
    if (out.rows.rows() == kMaxRows) return InvalidArgument("more than %d rows", kMaxRows);
    VEILSUM_RETURN_IF_ERROR(AppendKnown(plan, question, row, first, source->name(), out));
    VEILSUM_RETURN_IF_ERROR(encoder->Append(row, source->name(), out.rows));
  }
  if (out.chosen.empty()) return InvalidArgument("%s: there are no rows", source->name());
  return out;
}

ordered_json Of(const RankingQuality& quality) {
  return {{"hit_rate", quality.hit_rate}, {"ndcg", quality.ndcg}};
}

absl::StatusOr<ordered_json> Ranking(const model::Plan& plan, const EvaluateQuestion& question,
                                     const KnownRows& known,
                                     const std::vector<Prediction>& predictions) {
  std::vector<double> scores;
  for (const Prediction& p : predictions)
    scores.insert(scores.end(), p.scores().begin(), p.scores().end());
  const std::size_t items = plan.outputs();
  VEILSUM_ASSIGN_OR_RETURN(const RankingQuality model,
                           MeasureRanking(scores, known.chosen, items, question.top));
  VEILSUM_ASSIGN_OR_RETURN(const RankingQuality popular,
                           MeasurePopularity(known.chosen, known.chosen, items, question.top));
  const Margin margin = HitMargin(model, popular);
  return ordered_json{{"rows", model.rows},
                      {"items", items},
                      {"top", question.top},
                      {"model", Of(model)},
                      {"popularity", Of(popular)},
                      {"margin",
                       {{"hit_rate", margin.difference},
                        {"standard_error", margin.error},
                        {"at_least", margin.low()}}}};
}

ordered_json Of(const PolicyEstimate& estimate) {
  return {{"value", estimate.value}, {"standard_error", estimate.error}};
}

// Of flat rows, whose rewards are as they are.
absl::StatusOr<OffPolicy> PolicyOfRows(const model::Plan& plan, double explore,
                                       const KnownRows& known,
                                       const std::vector<Prediction>& predictions) {
  std::unordered_map<std::string, std::size_t> place;
  std::vector<Episode> episodes;
  for (std::size_t row = 0; row < predictions.size(); ++row) {
    const Prediction& p = predictions[row];
    // Rows without an id cannot be told to be of one customer.
    const auto [found, added] =
        place.emplace(p.id.empty() ? absl::StrFormat("\n%d", row) : p.id, episodes.size());
    if (added) episodes.emplace_back();
    episodes[found->second].push_back({known.chosen[row], known.rewards[row],
                                       known.propensities[row], GreedyPolicy(p.values, explore),
                                       p.values});
  }
  return EvaluatePolicy(std::move(episodes), plan.q_learning->discount.ToDouble());
}

absl::StatusOr<OffPolicy> PolicyOfFolder(const Predictor& predictor, double explore,
                                         const std::string& folder) {
  VEILSUM_ASSIGN_OR_RETURN(const KnownRows known, ReadKnownFolder(predictor.plan(), folder));
  VEILSUM_ASSIGN_OR_RETURN(const std::vector<float> outputs, predictor.Outputs(known.rows));
  return EvaluateLogged(*predictor.plan().q_learning, known.rows, outputs, explore);
}

absl::StatusOr<OffPolicy> PolicyOf(const Predictor& predictor, const EvaluateQuestion& question) {
  if (IsFolder(question.data)) return PolicyOfFolder(predictor, question.explore, question.data);
  VEILSUM_ASSIGN_OR_RETURN(const KnownRows known, ReadRows(predictor, question));
  VEILSUM_ASSIGN_OR_RETURN(const std::vector<Prediction> predictions,
                           predictor.Predict(known.rows, false));
  return PolicyOfRows(predictor.plan(), question.explore, known, predictions);
}

absl::StatusOr<ordered_json> Policy(const Predictor& predictor, const EvaluateQuestion& question) {
  VEILSUM_ASSIGN_OR_RETURN(const OffPolicy out, PolicyOf(predictor, question));
  return ordered_json{{"decisions", out.decisions},
                      {"episodes", out.episodes},
                      {"discount", predictor.plan().q_learning->discount.ToDouble()},
                      {"logged", Of(out.logged)},
                      {"self_normalised", Of(out.self_normalised)},
                      {"doubly_robust", Of(out.doubly_robust)},
                      {"direct", Of(out.direct)},
                      {"effective_episodes", out.effective_episodes}};
}

// The plan says where propensities are, or the question does, of flat rows.
absl::Status CheckPropensity(const model::QLearning& q, const EvaluateQuestion& question) {
  const bool folder = IsFolder(question.data);
  if (folder && !question.propensity.empty())
    return InvalidArgument("--propensity is for flat rows: in a folder the plan's column counts");
  if (folder && q.propensity.empty())
    return FailedPrecondition(
        "%s: the plan names no [q_learning] propensity; give flat rows and --propensity COLUMN",
        question.data);
  if (q.propensity.empty() && question.propensity.empty())
    return InvalidArgument(
        "--propensity must name the column with the probability of the logged action");
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::string> EvaluateRows(const Predictor& predictor,
                                         const EvaluateQuestion& question) {
  const model::Plan& plan = predictor.plan();
  if (plan.task == model::Task::kSegments) return MeasureSegments(predictor, question.data);
  if (plan.label.kind != model::LabelKind::kClass) return MeasureRows(predictor, question.data);
  if (plan.q_learning) {
    VEILSUM_RETURN_IF_ERROR(CheckPropensity(*plan.q_learning, question));
    VEILSUM_ASSIGN_OR_RETURN(const ordered_json policy, Policy(predictor, question));
    return policy.dump() + "\n";
  }
  VEILSUM_ASSIGN_OR_RETURN(const KnownRows known, ReadRows(predictor, question));
  VEILSUM_ASSIGN_OR_RETURN(const std::vector<Prediction> predictions,
                           predictor.Predict(known.rows, false));
  VEILSUM_ASSIGN_OR_RETURN(const ordered_json out, Ranking(plan, question, known, predictions));
  return out.dump() + "\n";
}

}  // namespace veilsum::client
