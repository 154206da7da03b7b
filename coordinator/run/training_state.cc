#include "coordinator/run/training_state.h"

#include <cmath>

#include "coordinator/strategy/standardisation.h"
#include "model/init.h"

namespace veilsum::coordinator {
namespace {

constexpr std::uint8_t kVersion = 1;

double ScaleOf(const model::SumSpec& sum) {
  return std::ldexp(1.0, static_cast<int>(sum.scale_log2));
}

absl::StatusOr<std::unique_ptr<Strategy>> StrategyOf(const RunTerms& terms) {
  const model::Plan& plan = terms.plan();
  StrategyConfig config;
  config.optimizer = "adam";
  config.learning_rate = plan.training.learning_rate.ToDouble();
  config.averaging = plan.training.averaging ? plan.training.averaging->ToDouble() : 0;
  config.scale = ScaleOf(terms.contract().sums.back());
  config.expected_batch = static_cast<double>(plan.training.expected_batch);
  config.buffers = terms.layout().buffers();
  config.parameters = terms.layout().parameters();
  return MakeStrategy(config);
}

}  // namespace

absl::StatusOr<TrainingState> TrainingState::Create(const RunTerms& terms, std::uint64_t seed) {
  VEILSUM_ASSIGN_OR_RETURN(std::unique_ptr<Strategy> strategy, StrategyOf(terms));
  return TrainingState(model::InitialModel(terms.layout(), seed), std::move(strategy));
}

absl::StatusOr<TrainingState> TrainingState::Restore(const RunTerms& terms, ByteView saved) {
  const std::size_t model_bytes = terms.layout().size() * sizeof(float);
  if (saved.size() < 1 + model_bytes || saved[0] != kVersion)
    return InvalidArgument("engine state of %d bytes is not version %d of this run", saved.size(),
                           kVersion);
  VEILSUM_ASSIGN_OR_RETURN(
      model::ModelVector iterate,
      model::ParseModelBytes(saved.subspan(1, model_bytes), terms.layout().size()));
  VEILSUM_ASSIGN_OR_RETURN(std::unique_ptr<Strategy> strategy, StrategyOf(terms));
  VEILSUM_RETURN_IF_ERROR(strategy->LoadState(saved.subspan(1 + model_bytes)));
  return TrainingState(std::move(iterate), std::move(strategy));
}

Bytes TrainingState::Save() const {
  Bytes out = {kVersion};
  const Bytes model = model::ModelBytes(iterate_);
  const Bytes moments = strategy_->SaveState();
  out.insert(out.end(), model.begin(), model.end());
  out.insert(out.end(), moments.begin(), moments.end());
  return out;
}

absl::Status TrainingState::Apply(const RunTerms& terms, std::size_t sum,
                                  std::span<const std::int64_t> values) {
  const model::SumSpec& spec = terms.contract().sums[sum];
  if (values.size() != spec.dimension)
    return Internal("a sum of %d numbers for a %s sum of %d", values.size(), spec.purpose,
                    spec.dimension);
  if (spec.purpose == model::kStatistics)
    return SetStandardisation(terms.layout(), values, ScaleOf(spec), iterate_);
  strategy_->Step(iterate_, values);
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
