#include "model/plan/plan_format.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/model/example_plan.h"

namespace veilsum::model {
namespace {

TEST(CheckRunnable, RefusesWhatThisVersionCannotTrain) {
  ASSERT_OK_AND_ASSIGN(const Plan plan, ParsePlanToml(kExamplePlan, "plan.toml"));
  Plan other = plan;
  other.task = Task::kMultiTask;
  EXPECT_THAT(CheckRunnable(other),
              StatusIs(absl::StatusCode::kFailedPrecondition, "task \"multi_task\""));
  other = plan;
  other.q_learning.emplace();
  other.training.mode = Mode::kLocal;
  EXPECT_THAT(CheckRunnable(other),
              StatusIs(absl::StatusCode::kFailedPrecondition, "\"distributed\""));
  other = plan;
  other.network.dropout = Exactly(1, 2);
  other.network.layer_norm = true;
  EXPECT_OK(CheckRunnable(other));
  other.network.hidden.clear();
  EXPECT_THAT(CheckRunnable(other),
              StatusIs(absl::StatusCode::kFailedPrecondition, "and there are none"));
}

TEST(ExamplePlans, AllParseRoundTripAndRun) {
  for (const char* name :
       {"online_shoppers", "adult", "womens_clothing", "synthetic_shops", "online_shoppers_visitor",
        "online_shoppers_duration", "online_shoppers_bands", "online_shoppers_local",
        "online_shoppers_regularised", "online_shoppers_heads", "synthetic_shops_next",
        "synthetic_shops_offers", "synthetic_shops_catalogue", "synthetic_shops_segments",
        "adult_groups"}) {
    ASSERT_OK_AND_ASSIGN(const Plan plan,
                         ReadPlanFile(absl::StrFormat("deploy/examples/%s.toml", name)));
    EXPECT_OK(CheckRunnable(plan)) << name;
    EXPECT_OK(PlanFromJson(PlanToJson(plan))) << name;
  }
}

TEST(ExamplePlans, HaveTheInputsOfTheReference) {
  for (const auto& [name, numeric, inputs] : {std::tuple{"online_shoppers", 9u, 181u},
                                              {"adult", 5u, 281u},
                                              {"womens_clothing", 2u, 82u}}) {
    ASSERT_OK_AND_ASSIGN(const Plan plan,
                         ReadPlanFile(absl::StrFormat("deploy/examples/%s.toml", name)));
    EXPECT_EQ(plan.numeric_inputs(), numeric) << name;
    EXPECT_EQ(plan.numeric_inputs() + plan.one_hot_inputs(), inputs) << name;
  }
}

}  // namespace
}  // namespace veilsum::model
