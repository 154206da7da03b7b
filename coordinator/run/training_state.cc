#include "coordinator/run/training_state.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "coordinator/strategy/standardisation.h"
#include "model/contract/penalty_terms.h"
#include "model/init.h"
#include "model/plan/names.h"
#include "model/transfer.h"

namespace veilsum::coordinator {
namespace {

// Of a saved state; the second begins with its evaluation. A banded run's last steps follow, their
// length first.
constexpr std::uint8_t kVersion = 1, kEvaluatedVersion = 2;

double ScaleOf(const model::SumSpec& sum) {
  return std::ldexp(1.0, static_cast<int>(sum.scale_log2));
}

dp::ClaimedNoise NoiseOf(const RunTerms& terms) {
  const absl::StatusOr<dp::ClaimedNoise> noise =
      model::ClaimedNoiseOf(terms.plan(), terms.contract());
  VEILSUM_CHECK(noise.ok());  // terms are of a contract that was checked
  return *noise;
}

void SetOptimizer(const model::Training& training, StrategyConfig& config) {
  const bool at_home = training.mode != model::Mode::kDistributed;
  if (training.optimizer == model::Optimizer::kAverage) {  // the mean of the merchants' models
    config.optimizer = "sgd";
    config.learning_rate = 1;
    config.momentum = 0;
    return;
  }
  config.optimizer = model::NameOf(training.optimizer);
  config.learning_rate =
      (at_home ? training.server_learning_rate : training.learning_rate).ToDouble();
  config.momentum = training.momentum.ToDouble();
}

absl::StatusOr<std::unique_ptr<Strategy>> StrategyOf(const RunTerms& terms) {
  const model::Plan& plan = terms.plan();
  StrategyConfig config;
  SetOptimizer(plan.training, config);
  if (plan.training.mode == model::Mode::kDistributed)  // else the merchants add it at home
    config.penalty = model::PenaltyOf(plan, terms.layout());
  config.averaging = plan.training.averaging ? plan.training.averaging->ToDouble() : 0;
  config.scale = ScaleOf(model::TrainingSum(terms.contract()));
  config.expected_batch = static_cast<double>(plan.training.expected_batch);
  config.buffers = terms.layout().buffers();
  config.parameters = terms.layout().parameters();
  return MakeStrategy(config);
}

absl::StatusOr<std::optional<dp::BandDecoder>> BandsOf(const RunTerms& terms) {
  if (terms.plan().training.bands == 1) return std::nullopt;
  VEILSUM_ASSIGN_OR_RETURN(dp::BandMatrix matrix,
                           dp::BandMatrix::Create(terms.plan().training.bands));
  return dp::BandDecoder(std::move(matrix), terms.layout().parameters());
}

// Their length, then the last steps.
Bytes SaveBands(const dp::BandDecoder& bands) {
  const Bytes steps = bands.Save();
  const std::uint64_t size = steps.size();
  Bytes out(sizeof size);
  std::memcpy(out.data(), &size, sizeof size);
  out.insert(out.end(), steps.begin(), steps.end());
  return out;
}

// Takes the saved steps from the front of `saved`.
absl::Status LoadBands(ByteView& saved, dp::BandDecoder& bands) {
  std::uint64_t size = 0;
  if (saved.size() < sizeof size) return InvalidArgument("engine state ends before its last steps");
  std::memcpy(&size, saved.data(), sizeof size);
  if (size > saved.size() - sizeof size)
    return InvalidArgument("engine state has %d bytes of last steps, is shorter", size);
  VEILSUM_RETURN_IF_ERROR(bands.Load(saved.subspan(sizeof size, size)));
  saved = saved.subspan(sizeof size + size);
  return absl::OkStatus();
}

absl::StatusOr<model::ModelVector> FirstModel(const RunTerms& terms, std::uint64_t seed,
                                              const EarlierRelease& earlier) {
  const std::string& start = terms.plan().network.start;
  if (start.empty()) return model::InitialModel(terms.layout(), seed, model::HeadsOf(terms.plan()));
  if (earlier == nullptr || HexEncode(earlier->digest) != start)
    return FailedPrecondition("model.start: release %s, which the plan names, is not at hand",
                              start);
  return model::StartFrom(earlier->plan, earlier->model, terms.plan(), seed);
}

}  // namespace

absl::StatusOr<TrainingState> TrainingState::Create(const RunTerms& terms, std::uint64_t seed,
                                                    const EarlierRelease& earlier) {
  VEILSUM_ASSIGN_OR_RETURN(std::unique_ptr<Strategy> strategy, StrategyOf(terms));
  VEILSUM_ASSIGN_OR_RETURN(std::optional<dp::BandDecoder> bands, BandsOf(terms));
  VEILSUM_ASSIGN_OR_RETURN(model::ModelVector initial, FirstModel(terms, seed, earlier));
  if (terms.layout().clip_norm())
    initial[*terms.layout().clip_norm()] =
        static_cast<float>(terms.plan().training.merchant.initial.ToDouble());
  return TrainingState(std::move(initial), std::move(strategy), std::move(bands));
}

absl::StatusOr<TrainingState> TrainingState::Restore(const RunTerms& terms, ByteView saved) {
  const std::size_t model_bytes = terms.layout().size() * sizeof(float);
  std::optional<EvaluationSum> evaluation;
  std::size_t at = 1;
  if (!saved.empty() && saved[0] == kEvaluatedVersion && terms.plan().evaluation) {
    const std::size_t cells = dp::ScoreHistogramDimension(model::EvaluationBins(terms.plan()));
    at +=
        std::min(saved.size() - 1, EncodeEvaluation({0, std::vector<std::int64_t>(cells)}).size());
    VEILSUM_ASSIGN_OR_RETURN(evaluation, DecodeEvaluation(saved.subspan(1, at - 1), cells));
  } else if (saved.empty() || saved[0] != kVersion) {
    return InvalidArgument("engine state of %d bytes is not version %d of this run", saved.size(),
                           kVersion);
  }
  saved = saved.subspan(at);
  VEILSUM_ASSIGN_OR_RETURN(std::optional<dp::BandDecoder> bands, BandsOf(terms));
  if (bands) VEILSUM_RETURN_IF_ERROR(LoadBands(saved, *bands));
  if (saved.size() < model_bytes)
    return InvalidArgument("engine state of %d bytes has no room for the model of this run",
                           saved.size());
  VEILSUM_ASSIGN_OR_RETURN(model::ModelVector iterate,
                           model::ParseModelBytes(saved.first(model_bytes), terms.layout().size()));
  if (terms.layout().clip_norm() && !(iterate[*terms.layout().clip_norm()] > 0))
    return InvalidArgument("engine state has a clip norm of %g, must be above 0",
                           iterate[*terms.layout().clip_norm()]);
  VEILSUM_ASSIGN_OR_RETURN(std::unique_ptr<Strategy> strategy, StrategyOf(terms));
  VEILSUM_RETURN_IF_ERROR(strategy->LoadState(saved.subspan(model_bytes)));
  TrainingState state(std::move(iterate), std::move(strategy), std::move(bands));
  state.evaluation_ = std::move(evaluation);
  return state;
}

Bytes TrainingState::Save() const {
  Bytes out = {evaluation_ ? kEvaluatedVersion : kVersion};
  const Bytes evaluation = evaluation_ ? EncodeEvaluation(*evaluation_) : Bytes();
  const Bytes bands = bands_ ? SaveBands(*bands_) : Bytes();
  const Bytes model = model::ModelBytes(iterate_);
  const Bytes moments = strategy_->SaveState();
  for (const Bytes* part : {&evaluation, &bands, &model, &moments})
    out.insert(out.end(), part->begin(), part->end());
  return out;
}

void TrainingState::Step(const RunTerms& terms, std::uint64_t attempt,
                         std::span<const std::int64_t> values, std::size_t survivors) {
  const model::Training& training = terms.plan().training;
  if (!bands_ && training.mode == model::Mode::kDistributed)
    return strategy_->Step(iterate_, values);
  if (training.mode == model::Mode::kMerchant) return MerchantStep(terms, values);
  const double scale = ScaleOf(model::TrainingSum(terms.contract()));
  std::vector<double> gradient(values.begin(), values.end());
  if (bands_) gradient = bands_->Step(attempt, values);
  // Merchants' updates are against their gradients, each of the same weight (SE-13).
  const double unit = bands_ ? scale * static_cast<double>(training.expected_batch)
                             : -scale * static_cast<double>(survivors);
  for (double& number : gradient) number /= unit;
  strategy_->StepBy(iterate_, gradient);
}

// DP-20: the clip norm of the next round is published with the model.
void TrainingState::MerchantStep(const RunTerms& terms, std::span<const std::int64_t> values) {
  float& clip = iterate_[*terms.layout().clip_norm()];
  absl::StatusOr<dp::MerchantModeStep> step =
      dp::DecodeMerchantStep(values, clip, model::AdaptiveClipOf(terms.plan()),
                             model::MerchantGridOf(terms.plan(), NoiseOf(terms).training));
  VEILSUM_CHECK(step.ok());  // Apply has checked the size, and a clip norm stays in its bounds
  for (double& number : step->mean_update) number = -number;
  strategy_->StepBy(iterate_, step->mean_update);
  clip = static_cast<float>(step->next_clip);
}

absl::Status TrainingState::Apply(const RunTerms& terms, const model::RoundPurpose& attempt,
                                  std::span<const std::int64_t> values, std::size_t survivors) {
  const model::SumSpec& spec = terms.contract().sums[attempt.sum];
  if (values.size() != spec.dimension)
    return Internal("a sum of %d numbers for a %s sum of %d", values.size(), spec.purpose,
                    spec.dimension);
  if (spec.purpose == model::kStatistics)
    return terms.plan().statistics.kind == model::StatisticsKind::kQuantiles
               ? SetStandardisation(terms.layout(), values, model::StatisticsBins(terms.plan()),
                                    NoiseOf(terms).statistics->share_sigma *
                                        std::sqrt(static_cast<double>(survivors)),
                                    iterate_)
               : SetStandardisation(terms.layout(), values, ScaleOf(spec), iterate_);
  if (spec.purpose == model::kEvaluation) {
    evaluation_ = {static_cast<std::uint32_t>(survivors), {values.begin(), values.end()}};
    return absl::OkStatus();
  }
  Step(terms, attempt.attempt, values, survivors);
  for (const float value : iterate_)
    if (!std::isfinite(value))
      return DataLoss("step %d made a model that is not finite", strategy_->steps());
  return absl::OkStatus();
}

ModelRecord PublishedRecord(const TrainingState& state) {
  const model::ModelVector published = state.Published();
  return {model::ModelHash(published), state.step(), model::ModelBytes(published)};
}

}  // namespace veilsum::coordinator
