// What an earlier release is worth to a run of few private steps, on generated shops: against the
// same steps from random weights, at the same epsilon. Both runs see the same hold-out.
#include "model/transfer.h"

#include "model/metrics.h"
#include "model/plan/plan_format.h"
#include "model/plan/variant.h"
#include "tests/sim/learnt_shops.h"
#include "tests/support/status_matchers.h"

namespace veilsum::sim {
namespace {

constexpr std::uint32_t kEarlierSteps = 300, kFewSteps = 40;

// "Will this customer buy again?"
model::Plan AgainPlan(const std::string& epsilon, std::uint32_t steps) {
  model::Overrides overrides;
  overrides.epsilon = epsilon;
  overrides.rounds = steps;
  auto plan = model::ReadPlanFile("deploy/examples/synthetic_shops.toml");
  VEILSUM_CHECK(plan.ok());
  plan = model::WithOverrides(*plan, overrides);
  VEILSUM_CHECK(plan.ok());
  plan->training.averaging = model::Exactly(9, 10);  // of few steps
  return *plan;
}

// "What will this customer buy next?", of the same columns with the same network.
model::Plan NextPlan(const std::string& epsilon, std::uint32_t steps) {
  const auto next = model::ReadPlanFile("deploy/examples/synthetic_shops_next.toml");
  VEILSUM_CHECK(next.ok());
  model::Plan plan = AgainPlan(epsilon, steps);
  plan.task = next->task;
  plan.label = next->label;
  plan.evaluation.reset();
  for (const model::Table& table : next->tables)
    if (table.name == plan.label.table) plan.tables.push_back(table);
  return plan;
}

double Auc(const LearntShops& shops, const model::ModelVector& model) {
  const std::vector<double> outputs = shops.Outputs(model, shops.holdout);
  const auto metrics = model::EvaluateBinary(std::vector<float>(outputs.begin(), outputs.end()),
                                             shops.holdout.labels);
  EXPECT_OK(metrics);
  return metrics->roc_auc.value_or(0);
}

struct Gain {
  double random, started;
};

Gain FewSteps(const LearntShops& later, const LearntShops& earlier, std::uint64_t seed) {
  const model::ModelVector released = earlier.Train(true, kEarlierSteps, seed);
  const auto start = model::StartFrom(earlier.plan, released, later.plan, seed);
  EXPECT_OK(start);
  return {Auc(later, later.Train(true, kFewSteps, seed + 1)),
          Auc(later, later.Train(true, kFewSteps, seed + 1, &*start))};
}

// Six merchants that had no part in the earlier run.
TEST(TransferSim, MerchantsThatJoinLearnInFewSteps) {
  for (const std::uint64_t seed : {21, 22}) {
    const cli::Market market(seed, 12);
    const Gain gain =
        FewSteps(LearntShops::Read(market, 6, 6, AgainPlan("1", kFewSteps)),
                 LearntShops::Read(market, 0, 6, AgainPlan("3", kEarlierSteps)), seed);
    std::printf("[ measured ] market %d: ROC-AUC %.4f from random weights, %.4f started\n",
                static_cast<int>(seed), gain.random, gain.started);
    EXPECT_GT(gain.started, gain.random + 0.06) << seed;
  }
}

// The earlier release answers another question: its trunk alone is taken over.
TEST(TransferSim, AnotherQuestionGainsFromTheTrunk) {
  double gained = 0;
  for (const std::uint64_t seed : {21, 22, 23, 24}) {
    const cli::Market market(seed, 6);
    const Gain gain = FewSteps(LearntShops::Read(market, 0, 6, AgainPlan("1", kFewSteps)),
                               LearntShops::Read(market, 0, 6, NextPlan("3", kEarlierSteps)), seed);
    std::printf("[ measured ] market %d: ROC-AUC %.4f from random weights, %.4f started\n",
                static_cast<int>(seed), gain.random, gain.started);
    gained += (gain.started - gain.random) / 4;
  }
  EXPECT_GT(gained, 0.015);
}

}  // namespace
}  // namespace veilsum::sim
