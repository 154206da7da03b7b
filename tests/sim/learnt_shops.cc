#include "tests/sim/learnt_shops.h"

#include <cmath>

#include "cli/demo/shops/write_shops.h"
#include "client/data/dataset.h"
#include "client/train/statistics_sum.h"
#include "dp/padding.h"
#include "model/contract/privacy_terms.h"
#include "model/mlp.h"
#include "model/plan/plan_format.h"
#include "model/plan/variant.h"
#include "tests/bench/central_simulation.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_folder.h"

namespace veilsum::sim {
namespace {

void SetNoise(const model::Plan& plan, const std::vector<std::uint64_t>& size_classes,
              CentralSetting& setting) {
  const auto members = static_cast<std::uint32_t>(size_classes.size());
  const auto aggregation = model::ResolveAggregation(plan.aggregation, members, 1);
  VEILSUM_CHECK(aggregation.ok());
  const auto input = model::PrivacyInputOf(plan, size_classes, *aggregation);
  VEILSUM_CHECK(input.ok());
  const auto privacy = dp::CalibrateRun(*input);
  VEILSUM_CHECK(privacy.ok());
  const double shares = std::sqrt(static_cast<double>(members)),
               scale = std::ldexp(1.0, static_cast<int>(plan.aggregation.scale_log2));
  setting.noise_multiplier =
      privacy->training.share_sigma * shares / (scale * plan.training.clip_norm.ToDouble());
  if (privacy->statistics)
    setting.statistics_noise =
        privacy->statistics->share_sigma * shares /
        (scale * client::StatisticsNorm(static_cast<int>(plan.numeric_inputs())));
}

}  // namespace

LearntShops LearntShops::Load(const cli::Market& market, const std::string& plan,
                              const std::string& epsilon) {
  auto read = model::ReadPlanFile("deploy/examples/" + plan + ".toml");
  VEILSUM_CHECK(read.ok());
  model::Overrides overrides;
  overrides.epsilon = epsilon;
  read = model::WithOverrides(*read, overrides);
  VEILSUM_CHECK(read.ok());
  return Read(market, 0, market.shops().size(), *read);
}

LearntShops LearntShops::Read(const cli::Market& market, std::size_t first, std::size_t count,
                              const model::Plan& plan) {
  const TempFolder folder;
  VEILSUM_CHECK(cli::WriteShops(market, folder.path()).ok());
  LearntShops out;
  out.plan = plan;
  out.plan.privacy.accountant = model::AccountantKind::kRdp;
  out.layout = model::LayoutOf(out.plan);
  for (std::size_t i = first; i < first + count; ++i) {
    const std::string& shop = market.shops()[i].name;
    const auto part = client::LoadDataset(out.plan, {folder.path() / "merchants" / shop});
    EXPECT_OK(part);
    const auto size = dp::SizeClass(part->training.customers());
    VEILSUM_CHECK(size.ok());
    out.size_classes.push_back(*size);
    AppendCustomers(part->training, out.training);
    AppendCustomers(part->holdout, out.holdout);
  }
  return out;
}

model::ModelVector LearntShops::Train(bool noise, std::uint32_t steps, std::uint64_t seed,
                                      const model::ModelVector* start) const {
  const double averaging = plan.training.averaging->ToDouble();
  CentralSetting setting;
  setting.steps = steps;
  setting.sampling_rate = plan.training.sampling_rate.ToDouble();
  setting.expected_batch = static_cast<double>(plan.training.expected_batch);
  setting.clip_norm = (noise ? plan.training.clip_norm : plan.nonprivate->clip_norm).ToDouble();
  setting.learning_rate =
      (noise ? plan.training.learning_rate : plan.nonprivate->learning_rate).ToDouble();
  setting.averaging = {averaging};
  setting.heads = model::HeadsOf(plan);
  setting.seed = seed;
  setting.start = start;
  if (noise) SetNoise(plan, size_classes, setting);
  auto models = SimulateCentral(layout, training, setting);
  EXPECT_OK(models);
  for (CentralModel& made : *models)
    if (made.averaging == averaging) return std::move(made.model);
  return {};
}

std::vector<double> LearntShops::Outputs(const model::ModelVector& model,
                                         const model::Examples& rows) const {
  const auto outputs = model::Logits(layout, model, rows);
  EXPECT_OK(outputs);
  return {outputs->begin(), outputs->end()};
}

}  // namespace veilsum::sim
