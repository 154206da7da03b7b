#include "model/plan/plan_format.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/model/plan/text.h"

namespace veilsum::model {
namespace {

TEST(PlanToml, ReadsEveryKeyOfTheExample) {
  ASSERT_OK_AND_ASSIGN(const Plan plan, ParsePlanToml(kExamplePlan, "plan.toml"));
  EXPECT_EQ(plan.name, "purchase-intent");
  EXPECT_EQ(plan.holdout.mod, 5u);
  ASSERT_EQ(plan.tables.size(), 3u);
  EXPECT_EQ(plan.tables[1].join, "user_id");  // the unit's column, when nothing else is said
  ASSERT_EQ(plan.features.size(), 3u);
  EXPECT_EQ(plan.features[0].table, "browsing");
  EXPECT_EQ(plan.features[0].column, "ProductRelated_Duration");
  EXPECT_EQ(plan.features[0].hi.ToDouble(), 64800);
  EXPECT_TRUE(plan.features[0].log);
  EXPECT_EQ(plan.features[2].ngrams, 2u);
  EXPECT_EQ(plan.features[2].width, 16u);
  EXPECT_EQ(plan.network.hidden, (std::vector<std::size_t>{128, 64, 32}));
  EXPECT_EQ(plan.training.sampling_rate, Exactly(1, 10));
  EXPECT_EQ(plan.training.learning_rate, Exactly(1, 200));
  EXPECT_EQ(plan.nonprivate->steps, 200u);
  EXPECT_EQ(plan.privacy.delta, Exactly(1, 100000));
  EXPECT_EQ(plan.privacy.accountant, AccountantKind::kPld);
  EXPECT_EQ(plan.aggregation.min_survivors, 8u);
  EXPECT_EQ(plan.rounds.tick_ms, 20u);
  EXPECT_EQ(plan.minimum_customers, 100u);
  EXPECT_EQ(plan.max_bad_rows, 0u);
  EXPECT_EQ(plan.numeric_inputs(), 1u);
  EXPECT_EQ(plan.one_hot_inputs(), 16u);
}

TEST(PlanToml, ReadsOurOwnSections) {
  const std::string text =
      Replace(kExamplePlan, "clip_norm = \"1\"\n", "clip_norm = \"1\"\naveraging = \"0.99\"\n") +
      "[population]\nminimum_customers = 50\n[data]\nmax_bad_rows = 3\n"
      "[[pool]]\nname = \"small\"\nmembers = [\"a\", \"b\"]\n";
  ASSERT_OK_AND_ASSIGN(const Plan plan, ParsePlanToml(text, "plan.toml"));
  EXPECT_EQ(plan.training.averaging, Exactly(99, 100));
  EXPECT_EQ(plan.minimum_customers, 50u);
  EXPECT_EQ(plan.max_bad_rows, 3u);
  ASSERT_EQ(plan.pools.size(), 1u);
  EXPECT_EQ(plan.pools[0].members, (std::vector<std::string>{"a", "b"}));
}

TEST(PlanToml, ReadsAHoldoutColumn) {
  const std::string text = Replace(kExamplePlan, "hash = \"fnv1a64\"\nmod = 5\nequals = 0\n",
                                   "column = \"split\"\nvalue = \"test\"\n");
  ASSERT_OK_AND_ASSIGN(const Plan plan, ParsePlanToml(text, "plan.toml"));
  EXPECT_EQ(plan.holdout.mod, 0u);
  EXPECT_EQ(plan.holdout.column, "split");
  EXPECT_EQ(plan.holdout.value, "test");
}

TEST(PlanToml, RefusesPoolsThatShareAMember) {
  const std::string pools =
      "[[pool]]\nname = \"p\"\nmembers = [\"a\", \"b\"]\n[[pool]]\nname = \"q\"\nmembers = [\"b\", "
      "\"c\"]\n";
  EXPECT_THAT(ParsePlanToml(kExamplePlan + pools, "plan.toml"),
              StatusIs(absl::StatusCode::kInvalidArgument, "pool[2].members has \"b\" twice"));
}

TEST(PlanToml, RefusesAPlanThatIsTooLarge) {
  EXPECT_THAT(ParsePlanToml(std::string(kMaxPlanBytes + 1, '#'), "plan.toml"),
              StatusIs(absl::StatusCode::kInvalidArgument, "a plan has at most"));
}

TEST(PlanToml, SurvivesDeepNesting) {
  std::string key = "a";
  for (int i = 0; i < 200; ++i) key += ".a";
  EXPECT_THAT(ParsePlanToml(kExamplePlan + "[" + key + "]\nb = 1\n", "plan.toml"),
              StatusIs(absl::StatusCode::kInvalidArgument, "a is not a key"));
}

// Whatever is done to a byte of the file, the answer is a plan or an error.
TEST(PlanToml, SurvivesEveryChangedByte) {
  for (std::size_t i = 0; i < kExamplePlan.size(); ++i)
    for (const char c : {'\0', '"', '[', '=', '\n', '\xff', '9'}) {
      std::string text = kExamplePlan;
      text[i] = c;
      const absl::StatusOr<Plan> plan = ParsePlanToml(text, "plan.toml");
      if (!plan.ok()) continue;
      EXPECT_OK(PlanFromJson(PlanToJson(*plan))) << i;
    }
}

TEST(ReadPlanFile, NamesAFileThatIsNotThere) {
  EXPECT_THAT(ReadPlanFile("no/such/plan.toml"),
              StatusIs(absl::StatusCode::kNotFound, "no/such/plan.toml"));
}

}  // namespace
}  // namespace veilsum::model
