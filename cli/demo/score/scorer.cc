#include "cli/demo/score/scorer.h"

#include "client/data/dataset.h"
#include "client/data/select_customers.h"
#include "client/serve/kmeans.h"
#include "client/serve/logged_policy.h"
#include "client/train/local_training.h"
#include "model/centres.h"
#include "model/contract/penalty_terms.h"
#include "model/contract/privacy_terms.h"
#include "model/init.h"
#include "model/mlp.h"

namespace veilsum::cli {
namespace {

client::LocalTraining SettingsOf(const model::Plan& plan, const model::Layout& layout) {
  client::LocalTraining settings;
  settings.max_rows = plan.unit.max_rows;
  settings.heads = model::HeadsOf(plan);
  settings.dropout = plan.network.dropout.ToDouble();
  settings.penalty = model::PenaltyOf(plan, layout);
  settings.penalty.proximal = 0;  // alone there is no round's model
  settings.batch_fraction = plan.training.sampling_rate.ToDouble();
  if (plan.nonprivate) {
    settings.steps = static_cast<std::uint32_t>(plan.nonprivate->steps);
    settings.learning_rate = plan.nonprivate->learning_rate.ToDouble();
    settings.clip_norm = plan.nonprivate->clip_norm.ToDouble();
  }
  return settings;
}

}  // namespace

absl::StatusOr<std::unique_ptr<HoldoutScorer>> HoldoutScorer::Load(
    const model::Plan& plan, const std::vector<client::Seat>& seats) {
  std::unique_ptr<HoldoutScorer> scorer(new HoldoutScorer(plan, model::LayoutOf(plan)));
  for (const client::Seat& seat : seats) {
    VEILSUM_ASSIGN_OR_RETURN(client::Dataset data, client::LoadDataset(plan, seat.folders));
    scorer->names_.push_back(seat.name);
    scorer->merchants_.push_back({std::move(data.training), std::move(data.holdout)});
  }
  return scorer;
}

absl::StatusOr<Score> HoldoutScorer::Of(ByteView bytes) const {
  VEILSUM_ASSIGN_OR_RETURN(const model::ModelVector model,
                           model::ParseModelBytes(bytes, layout_.size()));
  if (plan_.task == model::Task::kSegments) return OfSegments(model);
  Score score;
  std::vector<float> all_logits, all_labels;
  std::vector<std::vector<float>> more_labels(plan_.heads.size());
  for (const Merchant& merchant : merchants_) {
    score.merchants.emplace_back();
    if (merchant.holdout.rows() == 0) continue;
    VEILSUM_ASSIGN_OR_RETURN(const std::vector<float> logits,
                             model::Logits(layout_, model, merchant.holdout));
    const std::vector<float>& labels = merchant.holdout.labels;
    VEILSUM_ASSIGN_OR_RETURN(score.merchants.back(), model::Evaluate(plan_, logits, labels));
    all_logits.insert(all_logits.end(), logits.begin(), logits.end());
    all_labels.insert(all_labels.end(), labels.begin(), labels.end());
    for (std::size_t i = 0; i < merchant.holdout.more_labels.size(); ++i)
      more_labels[i % more_labels.size()].push_back(merchant.holdout.more_labels[i]);
  }
  for (std::size_t h = 0; h < more_labels.size(); ++h) {
    const absl::StatusOr<model::Quality> quality =
        model::EvaluateHead(plan_, h, all_logits, more_labels[h]);
    score.heads.push_back(quality.ok() ? std::optional(*quality) : std::nullopt);
  }
  VEILSUM_ASSIGN_OR_RETURN(score.pooled, model::Evaluate(plan_, all_logits, all_labels));
  if (plan_.q_learning && !plan_.q_learning->propensity.empty()) {
    model::Examples log;
    for (const Merchant& merchant : merchants_) client::AppendCustomers(merchant.holdout, log);
    VEILSUM_ASSIGN_OR_RETURN(score.policy,
                             client::EvaluateLogged(*plan_.q_learning, log, all_logits, 0));
  }
  return score;
}

absl::StatusOr<Score> HoldoutScorer::OfSegments(const model::ModelVector& model) const {
  const std::vector<double> centres = model::CentresOf(layout_, model);
  Score score;
  score.shares = model::SharesOf(layout_, model);
  std::vector<float> all;
  for (const Merchant& merchant : merchants_) {
    score.merchants.emplace_back();
    if (merchant.holdout.rows() == 0) continue;
    VEILSUM_ASSIGN_OR_RETURN(const std::vector<float> points,
                             model::PointsOf(layout_, model, merchant.holdout));
    VEILSUM_ASSIGN_OR_RETURN(score.merchants.back(),
                             model::EvaluateSegments(points, layout_.numeric(), centres));
    all.insert(all.end(), points.begin(), points.end());
  }
  VEILSUM_ASSIGN_OR_RETURN(score.pooled, model::EvaluateSegments(all, layout_.numeric(), centres));
  return score;
}

absl::StatusOr<model::Quality> HoldoutScorer::Alone(const Merchant& merchant,
                                                    const model::ModelVector& initial,
                                                    const model::ModelVector& joint,
                                                    SecureRng& rng) const {
  if (plan_.task == model::Task::kSegments) {
    VEILSUM_ASSIGN_OR_RETURN(const std::vector<float> training,
                             model::PointsOf(layout_, joint, merchant.training));
    VEILSUM_ASSIGN_OR_RETURN(
        const client::Clusters own,
        client::KMeans(training, layout_.numeric(), {.k = plan_.label.segments}));
    VEILSUM_ASSIGN_OR_RETURN(const std::vector<float> points,
                             model::PointsOf(layout_, joint, merchant.holdout));
    return model::EvaluateSegments(points, layout_.numeric(), own.centres);
  }
  VEILSUM_ASSIGN_OR_RETURN(
      const model::ModelVector model,
      client::TrainAlone(layout_, merchant.training, initial, SettingsOf(plan_, layout_), rng));
  VEILSUM_ASSIGN_OR_RETURN(const std::vector<float> logits,
                           model::Logits(layout_, model, merchant.holdout));
  return model::Evaluate(plan_, logits, merchant.holdout.labels);
}

absl::StatusOr<std::vector<std::optional<double>>> HoldoutScorer::TrainedAlone(
    std::uint64_t seed, ByteView joint, const std::function<bool()>& cancelled) const {
  VEILSUM_ASSIGN_OR_RETURN(const model::ModelVector joint_model,
                           model::ParseModelBytes(joint, layout_.size()));
  const model::ModelVector initial = model::InitialModel(layout_, seed, model::HeadsOf(plan_));
  SystemRng rng;
  std::vector<std::optional<double>> reached;
  for (const Merchant& merchant : merchants_) {
    if (cancelled()) return absl::CancelledError("stopped while training merchants alone");
    reached.emplace_back();
    if (merchant.holdout.rows() == 0 || merchant.training.rows() == 0) continue;
    const absl::StatusOr<model::Quality> quality = Alone(merchant, initial, joint_model, rng);
    // Fewer different customers than segments: such a merchant has none of its own.
    if (plan_.task == model::Task::kSegments && absl::IsInvalidArgument(quality.status())) continue;
    VEILSUM_RETURN_IF_ERROR(quality.status());
    reached.back() = quality->leading();
  }
  return reached;
}

}  // namespace veilsum::cli
