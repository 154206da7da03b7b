#include "cli/demo/report/assemble.h"

#include "dp/padding.h"

namespace veilsum::cli {
namespace {

std::optional<double> MeanOf(const std::vector<std::optional<double>>& values) {
  double sum = 0;
  std::size_t count = 0;
  for (const auto& value : values)
    if (value) sum += *value, ++count;
  return count > 0 ? std::optional(sum / static_cast<double>(count)) : std::nullopt;
}

std::optional<SegmentFacts> SegmentsOf(const model::Quality& quality) {
  if (!quality.segments) return std::nullopt;
  SegmentFacts out{quality.segments->mean_squared_distance, quality.segments->explained, {}, {}};
  out.sizes.assign(quality.segments->sizes.begin(), quality.segments->sizes.end());
  return out;
}

MerchantQuality MerchantOf(const std::string& name, const std::optional<model::Quality>& quality) {
  MerchantQuality m;
  m.name = name;
  if (!quality) return m;
  m.holdout_rows = quality->rows;
  m.roc_auc = quality->roc_auc;
  m.rmse = quality->rmse;
  m.accuracy = quality->accuracy;
  m.log_loss = quality->log_loss;
  m.segments = SegmentsOf(*quality);
  return m;
}

PolicyQuality PolicyOf(const client::OffPolicy& found) {
  return {found.decisions,           found.episodes,
          found.logged.value,        found.logged.error,
          found.doubly_robust.value, found.doubly_robust.error,
          found.effective_episodes};
}

template <class Q>  // QualityFacts or MerchantQuality
void SetAlone(const std::optional<double>& alone, bool by_value, Q& quality) {
  if (quality.segments)
    quality.segments->local_only_mean_squared_distance = alone;
  else
    (by_value ? quality.local_only_rmse : quality.local_only_roc_auc) = alone;
}

}  // namespace

QualityFacts QualityOf(const model::Plan& plan, const Score& score,
                       const std::vector<std::string>& names,
                       const std::vector<std::optional<double>>& alone) {
  QualityFacts q;
  if (plan.task == model::Task::kMultiClass || plan.task == model::Task::kRecommend)
    q.task = "multi_class";
  if (plan.task == model::Task::kRegression) q.task = "regression";
  if (plan.task == model::Task::kSegments) q.task = "segments";
  q.roc_auc = score.pooled.roc_auc;
  q.pr_auc = score.pooled.pr_auc;
  q.accuracy = score.pooled.accuracy;
  q.majority_accuracy = score.pooled.majority_accuracy;
  q.log_loss = score.pooled.log_loss;
  q.rmse = score.pooled.rmse;
  q.mae = score.pooled.mae;
  q.r2 = score.pooled.r2;
  q.segments = SegmentsOf(score.pooled);
  q.segment_shares = score.shares;
  SetAlone(MeanOf(alone), q.by_value(), q);
  for (std::size_t i = 0; i < names.size(); ++i) {
    q.per_merchant.push_back(MerchantOf(names[i], score.merchants[i]));
    if (i >= alone.size()) continue;
    SetAlone(alone[i], q.by_value(), q.per_merchant.back());
  }
  for (const model::CalibrationBin& bin : score.pooled.calibration)
    q.calibration.push_back({bin.count, bin.mean_prediction, bin.positive_rate});
  for (std::size_t h = 0; h < score.heads.size(); ++h) {
    const model::Label& label = plan.heads[h].label;
    HeadQuality& head = q.heads.emplace_back();
    head.label = label.table + "." + label.column;
    if (!score.heads[h]) continue;
    const model::Quality& quality = *score.heads[h];
    head.rows = quality.rows;
    head.roc_auc = quality.roc_auc;
    head.accuracy = quality.accuracy;
    head.majority_accuracy = quality.majority_accuracy;
    head.rmse = quality.rmse;
    head.mae = quality.mae;
  }
  if (score.policy) q.policy = PolicyOf(*score.policy);
  return q;
}

namespace {

PrivateFigure FigureOf(const admin::v1::Figure& shown) {
  return {shown.value(), {shown.low(), shown.high()}};
}

PrivateGroupQuality GroupOf(const admin::v1::EvaluationGroup& group) {
  PrivateGroupQuality out;
  out.name = group.name();
  out.unusable = group.unusable();
  if (!out.unusable.empty()) return out;
  out.roc_auc = FigureOf(group.roc_auc());
  out.selected = FigureOf(group.selected());
  out.true_positives = FigureOf(group.true_positives());
  out.false_positives = FigureOf(group.false_positives());
  out.positives = group.positives();
  out.negatives = group.negatives();
  return out;
}

}  // namespace

void AddEvaluation(const admin::v1::Evaluation& evaluation, QualityFacts& quality) {
  for (const admin::v1::EvaluationGroup& group : evaluation.groups())
    quality.groups_private.push_back(GroupOf(group));
  if (!evaluation.unusable().empty()) return;
  quality.roc_auc_private = evaluation.roc_auc();
  quality.roc_auc_private_interval = {evaluation.low(), evaluation.high()};
  quality.roc_auc_private_noise = evaluation.noise_error();
  if (evaluation.has_accuracy()) quality.accuracy_private = FigureOf(evaluation.accuracy());
  if (evaluation.has_log_loss()) quality.log_loss_private = FigureOf(evaluation.log_loss());
  if (const admin::v1::ScoreHistogram& h = evaluation.score_histogram(); h.bins() > 0)
    quality.score_histogram = {{h.bins(), static_cast<int>(h.scale_log2())},
                               h.noise_sigma(),
                               {h.cells().begin(), h.cells().end()}};
  for (const admin::v1::ReliabilityBin& bin : evaluation.calibration())
    quality.calibration_private.push_back(
        {bin.predicted(), bin.observed(), bin.error(), bin.customers()});
}

Report ReportOfRun(const Scenario& s, const FollowedRun& run, std::uint64_t members,
                   std::vector<std::string> declined) {
  const admin::v1::RunProgress& last = run.last;
  Report r;
  r.outcome = run.interrupted ? "stopped" : last.state();
  r.reason = last.reason();
  r.plan = {s.plan.name, s.plan_sha256};
  r.data = {s.source, s.synthetic};
  r.federation = {.merchants = members,
                  .survivors_min = {},
                  .rounds = last.round(),
                  .aborted = last.aborted(),
                  .declined = std::move(declined)};
  if (last.survivors_min() > 0) r.federation.survivors_min = last.survivors_min();
  for (const std::string& who : last.declined()) r.federation.declined.push_back(who);
  r.cost.seconds = run.seconds;
  r.cost.rounds_per_second = run.rounds_per_second;
  if (last.upload_bytes() > 0) r.cost.upload_bytes_per_client_round = last.upload_bytes();
  if (last.peak_rss_bytes() > 0) r.cost.coordinator_peak_rss_bytes = last.peak_rss_bytes();
  r.curve = run.curve;
  r.notes = NotesOf(s, run);
  return r;
}

std::vector<std::string> NotesOf(const Scenario& s, const FollowedRun& run) {
  std::vector<std::string> notes;
  if (s.plan.q_learning)
    notes.push_back(
        "This plan learns what each action is worth. The figures on hold-outs take the values as "
        "scores of classes and compare the best action with the logged one; they do not say what "
        "the policy would earn: that is estimated from the probabilities of the logged actions, "
        "where the plan names their column, and by `veilsum-client evaluate`.");
  if (!s.plan.is_private())
    notes.push_back(
        "No noise was added (--epsilon inf): this model has no privacy claim and must not be "
        "released.");
  if (run.last.steps() > 0 && run.last.step() < run.last.steps() && !run.interrupted)
    notes.push_back(absl::StrFormat(
        "The run ended after %d of %d wanted steps: %s.", run.last.step(), run.last.steps(),
        run.last.reason().empty() ? "no reason was given" : run.last.reason()));
  if (run.last.has_evaluation() && !run.last.evaluation().unusable().empty())
    notes.push_back(absl::StrFormat("There is no ROC-AUC from private histograms: %s.",
                                    run.last.evaluation().unusable()));
  else if (s.plan.evaluation && !run.last.has_evaluation() && !run.interrupted)
    notes.push_back(
        "There is no ROC-AUC from private histograms: the run ended without that round.");
  return notes;
}

std::optional<double> PaddingOverhead(const model::Plan& plan,
                                      const std::vector<std::uint64_t>& size_classes,
                                      const std::vector<std::uint64_t>& customers) {
  const absl::StatusOr<dp::SamplingRate> rate =
      dp::SamplingRate::Create(plan.training.sampling_rate);
  if (!rate.ok()) return std::nullopt;
  double padded = 0, expected = 0;
  for (std::size_t i = 0; i < size_classes.size(); ++i) {
    const absl::StatusOr<std::uint64_t> batch =
        dp::PaddedBatch(size_classes[i], *rate, plan.training.attempts_max);
    if (!batch.ok()) return std::nullopt;
    padded += static_cast<double>(*batch);
    expected += rate->value() * static_cast<double>(customers[i]);
  }
  return expected > 0 ? std::optional(padded / expected) : std::nullopt;
}

}  // namespace veilsum::cli
