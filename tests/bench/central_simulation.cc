#include "tests/bench/central_simulation.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <functional>
#include <memory>
#include <random>

#include "client/train/centre_trainer.h"
#include "client/train/cpu/engine.h"
#include "client/train/statistics_sum.h"
#include "coordinator/strategy/standardisation.h"
#include "coordinator/strategy/strategy.h"
#include "dp/mechanism/band_matrix.h"
#include "model/init.h"

namespace veilsum {
namespace {

constexpr double kScale = 0x1p20;

void AddNoise(double deviation, std::mt19937_64& rng, std::vector<std::int64_t>& sum) {
  if (deviation <= 0) return;
  std::normal_distribution<double> normal(0, deviation);
  for (std::int64_t& x : sum) x += std::llrint(normal(rng));
}

absl::Status Standardise(const model::Layout& layout, const model::Examples& examples, double noise,
                         std::mt19937_64& rng, model::ModelVector& model) {
  if (!layout.standardised()) return absl::OkStatus();
  VEILSUM_ASSIGN_OR_RETURN(auto sum, client::StatisticsGrid(examples, kScale));
  AddNoise(noise * client::StatisticsNorm(examples.numeric) * kScale, rng, sum);
  return coordinator::SetStandardisation(layout, sum, kScale, model);
}

std::vector<std::uint32_t> PoissonBatch(const std::vector<std::uint32_t>& group, double rate,
                                        std::mt19937_64& rng) {
  std::bernoulli_distribution coin(rate);
  std::vector<std::uint32_t> batch;
  for (const std::uint32_t u : group)
    if (coin(rng)) batch.push_back(u);
  return batch;
}

// Noise of the decoded steps of a banded run: z_t less what of the earlier ones C^-1 takes off.
class BandNoise {
 public:
  explicit BandNoise(dp::BandMatrix matrix) : matrix_(std::move(matrix)) {}
  void AddTo(std::vector<std::int64_t>& sum, double deviation, std::mt19937_64& rng) {
    std::normal_distribution<double> normal(0, deviation);
    std::vector<double> noise(sum.size());
    for (double& x : noise) x = normal(rng);
    for (std::size_t j = 1; j <= before_.size(); ++j)
      for (std::size_t i = 0; i < noise.size(); ++i) noise[i] -= matrix_.at(j) * before_[j - 1][i];
    for (std::size_t i = 0; i < noise.size(); ++i) sum[i] += std::llrint(noise[i]);
    before_.push_front(std::move(noise));
    if (before_.size() >= matrix_.bands()) before_.pop_back();
  }

 private:
  dp::BandMatrix matrix_;
  std::deque<std::vector<double>> before_;  // newest first
};

// Exponential averages of the iterates with bias correction, several decays at once.
class Averages {
 public:
  explicit Averages(const std::vector<double>& decays) : decays_(decays), sums_(decays.size()) {}
  void Add(const model::ModelVector& model) {
    ++steps_;
    for (std::size_t i = 0; i < decays_.size(); ++i) {
      sums_[i].resize(model.size());
      for (std::size_t j = 0; j < model.size(); ++j)
        sums_[i][j] = decays_[i] * sums_[i][j] + (1 - decays_[i]) * static_cast<double>(model[j]);
    }
  }
  void Report(std::uint32_t step, std::vector<CentralModel>& out) const {
    for (std::size_t i = 0; i < decays_.size(); ++i) {
      const double weights = 1 - std::pow(decays_[i], steps_);
      CentralModel& to = out.emplace_back(CentralModel{step, decays_[i], {}});
      for (const double x : sums_[i]) to.model.push_back(static_cast<float>(x / weights));
    }
  }

 private:
  const std::vector<double>& decays_;
  std::vector<std::vector<double>> sums_;
  double steps_ = 0;
};

std::uint32_t MaxRows(const model::Examples& examples) {
  std::uint32_t rows = 1;
  for (std::size_t u = 0; u < examples.customers(); ++u)
    rows = std::max(rows, examples.first_row[u + 1] - examples.first_row[u]);
  return rows;
}

using Sums = std::function<absl::StatusOr<std::vector<std::int64_t>>(
    const model::ModelVector&, std::span<const std::uint32_t>, const client::StepShape&)>;

// What the plan's trainer sums (client/train/make_trainer.h), before noise.
absl::StatusOr<Sums> SumsOf(const model::Layout& layout, const model::Examples& examples,
                            const CentralSetting& setting, std::mt19937_64& rng) {
  const std::uint32_t max_rows = MaxRows(examples);
  if (!setting.heads.empty() && setting.heads.front().loss == model::Loss::kCentres) {
    VEILSUM_ASSIGN_OR_RETURN(auto made, client::CentreTrainer::Create(layout, examples, max_rows));
    const std::shared_ptr<client::CentreTrainer> trainer = std::move(made);
    return Sums([trainer](const auto& model, auto batch, const auto& shape) {
      return trainer->GridSum(model, batch, shape);
    });
  }
  VEILSUM_ASSIGN_OR_RETURN(
      auto made, client::cpu::Engine::Create(layout, examples, max_rows, client::cpu::BestKernels(),
                                             setting.heads, setting.dropout));
  const std::shared_ptr<client::cpu::Engine> engine = std::move(made);
  return Sums([engine, &rng](const auto& model, auto batch, const auto& shape) {
    std::array<std::uint8_t, 32> key;
    std::ranges::generate(key, [&] { return static_cast<std::uint8_t>(rng()); });
    engine->SetStepKey(Secret<32>(key));
    return engine->GridSum(model, batch, shape);
  });
}

}  // namespace

absl::StatusOr<std::vector<CentralModel>> SimulateCentral(const model::Layout& layout,
                                                          const model::Examples& examples,
                                                          const CentralSetting& setting) {
  std::mt19937_64 rng(setting.seed);
  VEILSUM_ASSIGN_OR_RETURN(const Sums sums, SumsOf(layout, examples, setting, rng));
  VEILSUM_ASSIGN_OR_RETURN(const auto strategy,
                           coordinator::MakeStrategy({.optimizer = setting.optimizer,
                                                      .learning_rate = setting.learning_rate,
                                                      .momentum = setting.momentum,
                                                      .averaging = 0,
                                                      .scale = kScale,
                                                      .expected_batch = setting.expected_batch,
                                                      .buffers = layout.buffers(),
                                                      .parameters = layout.parameters()}));
  model::ModelVector model =
      setting.start ? *setting.start : model::InitialModel(layout, setting.seed, setting.heads);
  const model::Layer& first = layout.layers().front();
  for (std::size_t i = 0; i < first.in * first.out; ++i)
    model[first.weight + i] *= static_cast<float>(setting.first_layer_gain);
  VEILSUM_RETURN_IF_ERROR(Standardise(layout, examples, setting.statistics_noise, rng, model));
  std::vector<std::vector<std::uint32_t>> groups(setting.bands);
  for (std::uint32_t u = 0; u < examples.customers(); ++u)
    groups[setting.bands == 1 ? 0 : rng() % setting.bands].push_back(u);
  VEILSUM_ASSIGN_OR_RETURN(dp::BandMatrix matrix, dp::BandMatrix::Create(setting.bands));
  BandNoise noise(std::move(matrix));
  Averages averages(setting.averaging);
  std::vector<CentralModel> out;
  for (std::uint32_t step = 1; step <= setting.steps; ++step) {
    const auto batch =
        PoissonBatch(groups[step % setting.bands], setting.bands * setting.sampling_rate, rng);
    const client::StepShape shape{
        std::max<std::uint32_t>(1, static_cast<std::uint32_t>(batch.size())), setting.clip_norm,
        kScale};
    VEILSUM_ASSIGN_OR_RETURN(auto sum, sums(model, batch, shape));
    if (setting.noise_multiplier > 0)
      noise.AddTo(sum, setting.noise_multiplier * setting.clip_norm * kScale, rng);
    strategy->Step(model, sum);
    averages.Add(model);
    if (step != setting.steps && (setting.report_every == 0 || step % setting.report_every != 0))
      continue;
    out.push_back({step, 0, model});
    averages.Report(step, out);
  }
  return out;
}

void AppendCustomers(const model::Examples& more, model::Examples& all) {
  all.numeric = more.numeric;
  all.categorical = more.categorical;
  if (all.lists.empty()) all.lists.resize(more.lists.size());
  for (std::size_t i = 0; i < more.lists.size(); ++i) {
    model::IdList& to = all.lists[i];
    const model::IdList& from = more.lists[i];
    to.buckets = from.buckets;
    to.slots = from.slots;
    to.ids.insert(to.ids.end(), from.ids.begin(), from.ids.end());
    to.weights.insert(to.weights.end(), from.weights.begin(), from.weights.end());
  }
  const auto rows = static_cast<std::uint32_t>(all.rows());
  all.numeric_values.insert(all.numeric_values.end(), more.numeric_values.begin(),
                            more.numeric_values.end());
  all.active_inputs.insert(all.active_inputs.end(), more.active_inputs.begin(),
                           more.active_inputs.end());
  all.labels.insert(all.labels.end(), more.labels.begin(), more.labels.end());
  all.rewards.insert(all.rewards.end(), more.rewards.begin(), more.rewards.end());
  all.more_labels.insert(all.more_labels.end(), more.more_labels.begin(), more.more_labels.end());
  all.customer_ids.insert(all.customer_ids.end(), more.customer_ids.begin(),
                          more.customer_ids.end());
  all.groups.insert(all.groups.end(), more.groups.begin(), more.groups.end());
  for (std::size_t u = 0; u < more.customers(); ++u)
    all.first_row.push_back(rows + more.first_row[u + 1]);
}

}  // namespace veilsum
