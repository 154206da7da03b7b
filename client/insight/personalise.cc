#include "client/insight/personalise.h"

#include <numeric>

#include "client/train/local_training.h"
#include "model/contract/privacy_terms.h"

namespace veilsum::client {
namespace {

using Ranges = std::vector<dp::Penalty::Range>;

absl::Status CheckTask(const model::Plan& plan) {
  const model::Task task = plan.task;
  if (task == model::Task::kBinary || task == model::Task::kMultiClass ||
      task == model::Task::kRegression)
    return absl::OkStatus();
  return FailedPrecondition("personal models are of tasks binary, multi_class and regression");
}

// Of the parameters: what is between the last hidden layer's outputs, or the inputs, and the
// model's.
Ranges HeadOf(const model::Layout& layout) {
  const model::Layer& last = layout.layers().back();
  Ranges out = {{last.weight - layout.buffers(), last.in * last.out},
                {last.bias - layout.buffers(), last.out}};
  for (const model::Bag& bag : layout.bags())
    if (bag.direct) out.push_back({bag.weight - layout.buffers(), bag.buckets * bag.width});
  return out;
}

LocalTraining TrainingOf(const release::Release& release, std::size_t customers,
                         const Personalisation& settings) {
  LocalTraining training;
  training.steps = settings.steps;
  training.learning_rate = settings.learning_rate;
  training.batch_fraction =
      std::min(1.0, 256.0 / static_cast<double>(std::max<std::size_t>(1, customers)));
  training.max_rows = release.plan.unit.max_rows;
  training.heads = model::HeadsOf(release.plan);
  training.dropout = release.plan.network.dropout.ToDouble();
  training.keep_buffers = true;
  training.penalty.proximal = settings.pull;
  training.moves = settings.part == PersonalPart::kHead ? HeadOf(release.layout)
                                                        : Ranges{{0, release.layout.parameters()}};
  return training;
}

}  // namespace

absl::StatusOr<Personalised> Personalise(const release::Release& release,
                                         const model::Examples& training,
                                         const model::Examples& holdout,
                                         const Personalisation& settings, SecureRng& rng) {
  VEILSUM_RETURN_IF_ERROR(CheckTask(release.plan));
  const LocalTraining terms = TrainingOf(release, training.customers(), settings);
  VEILSUM_ASSIGN_OR_RETURN(model::ModelVector trained,
                           TrainAlone(release.layout, training, release.model, terms, rng));
  VEILSUM_ASSIGN_OR_RETURN(PersonalModel model, PersonalModel::Create(release, std::move(trained)));
  VEILSUM_ASSIGN_OR_RETURN(const auto before, Predictor::Create(release));
  VEILSUM_ASSIGN_OR_RETURN(const auto after, Predictor::Create(release, model));
  VEILSUM_ASSIGN_OR_RETURN(Comparison quality, Compare(*before, *after, holdout));
  const std::size_t moved = std::accumulate(
      terms.moves.begin(), terms.moves.end(), std::size_t{0},
      [](std::size_t sum, const dp::Penalty::Range& range) { return sum + range.size; });
  return Personalised{std::move(model), std::move(quality), moved, training.customers()};
}

absl::Status CheckIsBetter(const Comparison& c) {
  if (LossOf(c) <= 0) return absl::OkStatus();
  return FailedPrecondition(
      "%s goes from %.4f to %.4f on %d held-out rows: the release is better here, and nothing was "
      "written",
      c.figure, c.difference.before, c.difference.after, c.rows);
}

}  // namespace veilsum::client
