#include "model/plan/variant.h"

#include "model/plan/plan_format.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/model/example_plan.h"

namespace veilsum::model {
namespace {

Plan ExamplePlan() { return *ParsePlanToml(kExamplePlan, "plan.toml"); }

TEST(AttemptsFor, LeavesRoomForFailuresAndOneLostBatch) {
  EXPECT_EQ(AttemptsFor(600, 16), 640u);
  EXPECT_EQ(AttemptsFor(20, 16), 36u);
  EXPECT_EQ(AttemptsFor(601, 16), 642u);
}

TEST(WithoutPrivacy, TakesTheNonPrivateSectionAndIsAnotherPlan) {
  const Plan plan = ExamplePlan();
  const Plan open = WithoutPrivacy(plan);
  EXPECT_FALSE(open.is_private());
  EXPECT_EQ(open.training.steps, 200u);
  EXPECT_EQ(open.training.attempts_max, 216u);
  EXPECT_EQ(open.training.clip_norm, Exactly(10));
  EXPECT_EQ(open.training.learning_rate, Exactly(1, 500));
  EXPECT_TRUE(open.has_statistics());
  EXPECT_NE(PlanSha256(open), PlanSha256(plan));
  EXPECT_EQ(PlanSha256(WithoutPrivacy(open)), PlanSha256(open));
  ASSERT_OK_AND_ASSIGN(const Plan read, PlanFromJson(PlanToJson(open)));
  EXPECT_FALSE(read.is_private());
}

TEST(WithOverrides, ChangesWhatIsAskedAndNothingElse) {
  const Plan plan = ExamplePlan();
  ASSERT_OK_AND_ASSIGN(const Plan same, WithOverrides(plan, {}));
  EXPECT_EQ(PlanSha256(same), PlanSha256(plan));
  ASSERT_OK_AND_ASSIGN(
      const Plan other,
      WithOverrides(plan, {.epsilon = "0.5", .delta = "1e-6", .rounds = 30, .min_survivors = 6}));
  EXPECT_EQ(other.privacy.epsilon, Exactly(1, 2));
  EXPECT_EQ(other.privacy.delta, Exactly(1, 1000000));
  EXPECT_EQ(other.training.steps, 30u);
  EXPECT_EQ(other.training.attempts_max, 46u);
  EXPECT_EQ(other.aggregation.min_survivors, 6u);
}

TEST(WithOverrides, TakesRoundsAfterEpsilonInf) {
  ASSERT_OK_AND_ASSIGN(
      const Plan plan,
      WithOverrides(ExamplePlan(),
                    {.epsilon = "inf", .delta = {}, .rounds = 10, .min_survivors = {}}));
  EXPECT_FALSE(plan.is_private());
  EXPECT_EQ(plan.training.steps, 10u);
  EXPECT_EQ(plan.training.clip_norm, Exactly(10));
}

TEST(WithOverrides, RefusesValuesOutOfBounds) {
  const auto refuses = [](const Overrides& overrides, const char* why) {
    EXPECT_THAT(WithOverrides(ExamplePlan(), overrides),
                StatusIs(absl::StatusCode::kInvalidArgument, why))
        << why;
  };
  Overrides o;
  o.epsilon = "-1";
  refuses(o, "privacy.epsilon is \"-1\", must be a decimal");
  o.epsilon = "0";
  refuses(o, "privacy.epsilon is \"0\", must be a decimal above 0");
  o.epsilon = "nan";
  refuses(o, "privacy.epsilon is \"nan\"");
  o = {};
  o.delta = "1";
  refuses(o, "privacy.delta is \"1\"");
  o = {};
  o.rounds = 0;
  refuses(o, "training.steps is 0");
  o.rounds = UINT64_MAX;
  refuses(o, "must be 1 to 1000000");
  o = {};
  o.min_survivors = 256;
  refuses(o, "aggregation.min_survivors is 256");
}

}  // namespace
}  // namespace veilsum::model
