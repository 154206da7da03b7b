#include "client/train/local_training.h"

#include <algorithm>
#include <cmath>

#include "client/train/cpu/engine.h"

namespace veilsum::client {
namespace {

constexpr double kBeta1 = 0.9, kBeta2 = 0.999, kEpsilon = 1e-8, kVarianceFloor = 0.0025;

absl::Status Check(const model::Layout& layout, const model::Examples& examples,
                   const model::ModelVector& initial, const LocalTraining& settings) {
  if (examples.customers() == 0) return InvalidArgument("no customers to train on");
  if (initial.size() != layout.size())
    return InvalidArgument("model has %d numbers, must have %d", initial.size(), layout.size());
  if (!(settings.batch_fraction > 0 && settings.batch_fraction <= 1))
    return InvalidArgument("batch_fraction is %g, must be in (0, 1]", settings.batch_fraction);
  if (!(settings.learning_rate > 0) || !(settings.clip_norm > 0))
    return InvalidArgument("learning_rate is %g and clip_norm is %g, must be positive",
                           settings.learning_rate, settings.clip_norm);
  for (const dp::Penalty::Range& range : settings.moves)
    if (range.first > layout.parameters() || range.size > layout.parameters() - range.first)
      return InvalidArgument("moves has parameters up to %d, there are %d",
                             range.first + range.size, layout.parameters());
  return absl::OkStatus();
}

std::vector<bool> Movable(const model::Layout& layout, const LocalTraining& settings) {
  std::vector<bool> out(layout.parameters(), settings.moves.empty());
  for (const dp::Penalty::Range& range : settings.moves)
    std::fill_n(out.begin() + static_cast<std::ptrdiff_t>(range.first), range.size, true);
  return out;
}

void Standardise(const model::Layout& layout, const model::Examples& examples,
                 model::ModelVector& model) {
  for (std::size_t j = 0; j < layout.numeric(); ++j) {
    double sum = 0, squares = 0;
    for (std::size_t row = 0; row < examples.rows(); ++row) {
      const double u = examples.NumericOf(row)[j];
      sum += u;
      squares += u * u;
    }
    const double mean = sum / static_cast<double>(examples.rows());
    const double variance =
        std::max(squares / static_cast<double>(examples.rows()) - mean * mean, kVarianceFloor);
    model[j] = static_cast<float>(mean);
    model[layout.numeric() + j] = static_cast<float>(1 / std::sqrt(variance));
  }
}

std::vector<std::uint32_t> SampleBatch(std::size_t customers, double fraction, SecureRng& rng) {
  std::vector<std::uint32_t> coins(customers), batch;
  rng.Fill({reinterpret_cast<std::uint8_t*>(coins.data()), coins.size() * sizeof(coins[0])});
  for (std::uint32_t u = 0; u < customers; ++u)
    if (coins[u] < fraction * 0x1p32) batch.push_back(u);
  return batch;
}

}  // namespace

absl::StatusOr<model::ModelVector> TrainAlone(const model::Layout& layout,
                                              const model::Examples& examples,
                                              const model::ModelVector& initial,
                                              const LocalTraining& settings, SecureRng& rng) {
  VEILSUM_RETURN_IF_ERROR(Check(layout, examples, initial, settings));
  VEILSUM_ASSIGN_OR_RETURN(
      const auto engine, cpu::Engine::Create(layout, examples, settings.max_rows,
                                             cpu::BestKernels(), settings.heads, settings.dropout));
  model::ModelVector model = initial;
  if (layout.standardised() && !settings.keep_buffers) Standardise(layout, examples, model);
  std::vector<double> m(layout.parameters()), v(layout.parameters()), gradients(m.size());
  const std::vector<bool> movable = Movable(layout, settings);
  const auto start = std::span(initial).subspan(layout.buffers());
  const auto parameters = std::span(model).subspan(layout.buffers());
  const double expected = settings.batch_fraction * static_cast<double>(examples.customers());
  for (std::uint32_t step = 1; step <= settings.steps; ++step) {
    engine->SetStepKey(rng.NewSecret<32>());
    const auto batch = SampleBatch(examples.customers(), settings.batch_fraction, rng);
    VEILSUM_ASSIGN_OR_RETURN(
        const auto sum,
        engine->Sum(model, batch, static_cast<std::uint32_t>(batch.size()), settings.clip_norm));
    const double unbias1 = 1 - std::pow(kBeta1, step), unbias2 = 1 - std::pow(kBeta2, step);
    for (std::size_t i = 0; i < sum.size(); ++i) gradients[i] = sum[i] / expected;
    if (settings.penalty.any()) dp::AddGradient(settings.penalty, parameters, start, gradients);
    for (std::size_t i = 0; i < sum.size(); ++i) {
      if (!movable[i]) continue;
      const double gradient = gradients[i];
      m[i] = kBeta1 * m[i] + (1 - kBeta1) * gradient;
      v[i] = kBeta2 * v[i] + (1 - kBeta2) * gradient * gradient;
      parameters[i] -= static_cast<float>(settings.learning_rate * (m[i] / unbias1) /
                                          (std::sqrt(v[i] / unbias2) + kEpsilon));
    }
  }
  return model;
}

}  // namespace veilsum::client
