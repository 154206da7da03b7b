#include "client/insight/small_model.h"

#include <chrono>
#include <cmath>
#include <random>

#include "client/data/feature_encoder.h"
#include "client/train/local_training.h"
#include "model/contract/privacy_terms.h"
#include "model/mlp.h"
#include "model/prune.h"

namespace veilsum::client {
namespace {

using Units = std::vector<std::size_t>;

absl::Status CheckMeasured(const model::Plan& plan) {
  if (plan.task != model::Task::kQLearning && plan.task != model::Task::kSegments)
    return absl::OkStatus();
  return FailedPrecondition(
      "small models are measured by labels: not of values of actions, nor of segments");
}

// What the release says of the rows, as labels of as many heads of one number each.
absl::Status LabelByOutputs(const release::Release& release, model::Examples& rows) {
  VEILSUM_ASSIGN_OR_RETURN(const std::vector<float> outputs,
                           model::Logits(release.layout, release.model, rows));
  const std::size_t width = release.layout.outputs();
  for (std::size_t row = 0; row < rows.rows(); ++row) {
    rows.labels[row] = outputs[row * width];
    for (std::size_t i = 1; i < width; ++i) rows.more_labels.push_back(outputs[row * width + i]);
  }
  return absl::OkStatus();
}

class Draws {
 public:
  explicit Draws(std::uint64_t seed) : rng_(seed) {}
  double Uniform() { return (static_cast<double>(rng_() >> 11) + 0.5) * 0x1p-53; }
  std::uint32_t Below(std::uint32_t bound) {
    return static_cast<std::uint32_t>(Uniform() * static_cast<double>(bound));
  }
  // Box and Muller 1958.
  double Normal() {
    return std::sqrt(-2 * std::log(Uniform())) * std::cos(2 * 3.141592653589793 * Uniform());
  }

 private:
  std::mt19937_64 rng_;
};

float DrawNumber(const release::Release& r, std::size_t at, Draws& draws) {
  if (!r.layout.standardised() || draws.Below(4) == 0)
    return static_cast<float>(2 * draws.Uniform() - 1);
  const double mean = static_cast<double>(r.model[at]);
  const double scale = static_cast<double>(r.model[r.layout.numeric() + at]);
  const double value = mean + (scale > 0 ? draws.Normal() / scale : 0);
  return static_cast<float>(std::clamp(value, -1.0, 1.0));
}

void DrawList(const model::Feature& feature, model::IdList& to, Draws& draws) {
  const std::uint32_t used = draws.Below(std::min(to.slots, 64u) + 1);
  const bool text = feature.kind == model::FeatureKind::kText;
  for (std::uint32_t k = 0; k < to.slots; ++k) {
    to.ids.push_back(k < used ? draws.Below(to.buckets) : 0);
    const double n = used;
    to.weights.push_back(k < used ? static_cast<float>(1 / (text ? std::sqrt(n) : n)) : 0);
  }
}

template <class Run>
double BestOfThree(Run&& run) {
  double best = HUGE_VAL;
  for (int i = 0; i < 3; ++i) {
    const auto start = std::chrono::steady_clock::now();
    run();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    best = std::min(best, took.count());
  }
  return best;
}

}  // namespace

absl::StatusOr<SmallModel> Prune(const release::Release& release, const Units& hidden) {
  VEILSUM_ASSIGN_OR_RETURN(model::PrunedModel pruned,
                           model::PruneTo(release.layout, release.model, hidden, nullptr));
  if (hidden == release.plan.network.hidden)
    return InvalidArgument("hidden is the release's own: nothing to make smaller");
  SmallModel out{release.plan, std::move(pruned.model)};
  out.plan.network.hidden = hidden;
  return out;
}

model::Examples GeneratedRows(const release::Release& release, std::uint32_t count,
                              std::uint64_t seed) {
  const model::Plan& plan = release.plan;
  const std::vector<FeaturePlace> places = FeaturePlaces(plan);
  Draws draws(seed);
  model::Examples out;
  for (const model::Feature& feature : plan.features) {
    out.numeric += feature.kind == model::FeatureKind::kNumeric;
    out.categorical += feature.kind == model::FeatureKind::kCategorical;
    if (feature.is_list()) out.lists.push_back({feature.buckets, feature.slots(), {}, {}});
  }
  for (std::uint32_t row = 0; row < count; ++row) {
    std::size_t number = 0, list = 0;
    for (std::size_t f = 0; f < plan.features.size(); ++f) {
      const model::Feature& feature = plan.features[f];
      if (feature.kind == model::FeatureKind::kNumeric)
        out.numeric_values.push_back(DrawNumber(release, number++, draws));
      else if (feature.kind == model::FeatureKind::kCategorical)
        out.active_inputs.push_back(static_cast<std::uint32_t>(places[f].first_input) +
                                    draws.Below(feature.buckets));
      else
        DrawList(feature, out.lists[list++], draws);
    }
    out.labels.push_back(0);
    out.first_row.push_back(row + 1);
    out.customer_ids.push_back(absl::StrFormat("generated %d", row));
  }
  return out;
}

absl::StatusOr<SmallModel> Distil(const release::Release& release, const Units& hidden,
                                  const Distillation& settings, SecureRng& rng) {
  VEILSUM_RETURN_IF_ERROR(CheckMeasured(release.plan));
  if (release.layout.items())
    return FailedPrecondition("a model of items with attributes can be pruned, not distilled");
  VEILSUM_ASSIGN_OR_RETURN(SmallModel out, Prune(release, hidden));
  model::Examples rows = GeneratedRows(release, settings.rows, settings.seed);
  VEILSUM_RETURN_IF_ERROR(LabelByOutputs(release, rows));
  LocalTraining training;
  training.steps = settings.steps;
  training.learning_rate = settings.learning_rate;
  training.clip_norm = 1000;  // of generated rows: nobody's
  training.batch_fraction = std::min(1.0, 512.0 / settings.rows);
  training.heads.assign(release.layout.outputs(), {.loss = model::Loss::kSquared});
  training.keep_buffers = true;
  VEILSUM_ASSIGN_OR_RETURN(out.model,
                           TrainAlone(model::LayoutOf(out.plan), rows, out.model, training, rng));
  return out;
}

absl::StatusOr<SmallFigures> MeasureSmall(const release::Release& release, const SmallModel& small,
                                          const model::Examples& rows) {
  VEILSUM_RETURN_IF_ERROR(CheckMeasured(release.plan));
  release::Release smaller = release;
  smaller.plan = small.plan;
  smaller.layout = model::LayoutOf(small.plan);
  smaller.model = small.model;
  VEILSUM_ASSIGN_OR_RETURN(const auto before, Predictor::Create(release));
  VEILSUM_ASSIGN_OR_RETURN(const auto after, Predictor::Create(smaller));
  SmallFigures out;
  VEILSUM_ASSIGN_OR_RETURN(out.quality, Compare(*before, *after, rows));
  out.numbers_before = release.layout.size();
  out.numbers_after = smaller.layout.size();
  const auto forward = [&](const release::Release& r) {
    return BestOfThree([&] { model::Logits(r.layout, r.model, rows).IgnoreError(); });
  };
  out.seconds_before = forward(release);
  out.seconds_after = forward(smaller);
  return out;
}

absl::Status CheckLoss(const SmallFigures& figures, double max_loss) {
  const Comparison& c = figures.quality;
  if (LossOf(c) <= max_loss) return absl::OkStatus();
  return FailedPrecondition(
      "%s goes from %.4f to %.4f on %d rows, by more than %g%s: nothing was "
      "written",
      c.figure, c.difference.before, c.difference.after, c.rows, max_loss,
      LessIsBetter(c) ? " of it" : "");
}

absl::StatusOr<release::Files> PackageOf(const release::Release& release, const SmallModel& small,
                                         const std::string& model_id, const std::string& builder) {
  release::ReleaseInput input;
  input.plan = small.plan;
  input.model = small.model;
  input.facts = release.manifest;
  input.facts.model_id = model_id;
  input.facts.parents = {HexEncode(release.digest)};
  input.privacy = release.privacy;
  input.builder = builder;
  return release::BuildPackage(input);
}

}  // namespace veilsum::client
