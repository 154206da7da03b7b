#include "model/contract/privacy_terms.h"
#include "model/plan/plan_format.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/model/plan/text.h"
#include "tests/unit/model/small_plan.h"

namespace veilsum::model {
namespace {

TEST(Plan, ClassesAreNamedAndBecomeOutputs) {
  const std::string text =
      PlanOf("multi_class", "kind = \"class\"\nvalues = [\"a\", \"b c\", \"d\"]\n");
  const absl::StatusOr<Plan> plan = ParsePlanToml(text, "p");
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ(plan->outputs(), 3u);
  EXPECT_EQ(LayoutOf(*plan).layers().back().out, 3u);
  EXPECT_EQ(HeadsOf(*plan).front().loss, Loss::kSoftmax);
  EXPECT_TRUE(CheckRunnable(*plan).ok());
  EXPECT_TRUE(PlanFromJson(PlanToJson(*plan)).ok());
  const auto refuses = [&](std::string_view from, std::string_view to, const char* why) {
    EXPECT_THAT(ParsePlanToml(Replace(text, from, to), "p"),
                StatusIs(absl::StatusCode::kInvalidArgument, why));
  };
  refuses("\"d\"", "\"a\"", "label.values names \"a\" twice");
  refuses("[\"a\", \"b c\", \"d\"]", "[\"a\"]", "values");
  refuses("multi_class", "regression", "label.kind does not fit the task");
  refuses("[model]", "[evaluation]\nshare = \"1\"\nnothing = 1\n[model]", "nothing");
  EXPECT_THAT(CheckRunnable(*ParsePlanToml(
                  Replace(text, "[model]", "[evaluation]\nshare = \"1\"\n[model]"), "p")),
              StatusIs(absl::StatusCode::kFailedPrecondition, "evaluation"));
}

TEST(Plan, ValuesHavePublicBounds) {
  const std::string text =
      PlanOf("regression", "kind = \"value\"\nlo = 0\nhi = 1000\nlog = true\nhuber = \"0.5\"\n");
  const absl::StatusOr<Plan> plan = ParsePlanToml(text, "p");
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ(HeadsOf(*plan).front().loss, Loss::kHuber);
  EXPECT_EQ(HeadsOf(*plan).front().huber, 0.5);
  EXPECT_TRUE(CheckRunnable(*plan).ok());
  EXPECT_TRUE(PlanFromJson(PlanToJson(*plan)).ok());
  const auto refuses = [&](std::string_view from, std::string_view to, const char* why) {
    EXPECT_THAT(ParsePlanToml(Replace(text, from, to), "p"),
                StatusIs(absl::StatusCode::kInvalidArgument, why));
  };
  refuses("hi = 1000", "hi = 0", "label.lo must be below hi");
  refuses("hi = 1000\n", "", "label.hi is missing");
  refuses("huber = \"0.5\"", "huber = \"0\"", "label.huber");
}

TEST(Plan, AnItemOfACatalogueIsLearntBySampledSoftmax) {
  const std::string label = "kind = \"class\"\nvalues = [\"a\", \"b\", \"c\"]\n";
  const std::string text = PlanOf("recommend", label + "negatives = 2\n");
  ASSERT_OK_AND_ASSIGN(const Plan plan, ParsePlanToml(text, "p"));
  EXPECT_OK(CheckRunnable(plan));
  EXPECT_EQ(HeadsOf(plan).front().loss, Loss::kSoftmax);
  EXPECT_EQ(HeadsOf(plan).front().negatives, 2u);
  ASSERT_OK_AND_ASSIGN(const Plan again, PlanFromJson(PlanToJson(plan)));
  EXPECT_EQ(PlanSha256(again), PlanSha256(plan));
  ASSERT_OK_AND_ASSIGN(const Plan whole, ParsePlanToml(PlanOf("recommend", label), "p"));
  EXPECT_EQ(HeadsOf(whole).front().negatives, 0u);
  EXPECT_NE(PlanSha256(whole), PlanSha256(plan));
  const auto code = absl::StatusCode::kInvalidArgument;
  EXPECT_THAT(ParsePlanToml(PlanOf("recommend", label + "negatives = 3\n"), "p"),
              StatusIs(code, "negatives"));
  EXPECT_THAT(ParsePlanToml(PlanOf("multi_class", label + "negatives = 2\n"), "p"),
              StatusIs(code, "negatives"));
  EXPECT_THAT(ParsePlanToml(PlanOf("recommend", "kind = \"binary\"\n"), "p"),
              StatusIs(code, "does not fit the task"));
}

TEST(Plan, ItemsMayHaveAttributes) {
  const std::string label = "kind = \"class\"\nvalues = [\"a\", \"b.c\", \"d\"]\n";
  const std::string items =
      "items = [{ value = \"b.c\", attributes = [\"shoe\"] }, { value = \"a\", attributes = "
      "[\"red\", \"shoe\"] }, { value = \"d\", attributes = [\"hat\"] }]\n";
  const std::string text = PlanOf("recommend", label + items);
  ASSERT_OK_AND_ASSIGN(const Plan plan, ParsePlanToml(text, "p"));
  EXPECT_OK(CheckRunnable(plan));
  EXPECT_EQ(plan.label.attributes[1], (std::vector<std::string>{"shoe"}));
  const Layout layout = LayoutOf(plan);
  EXPECT_EQ(layout.outputs(), 3u);
  EXPECT_EQ(layout.layers().back().out, 3u) << "red, shoe, hat";
  ASSERT_OK_AND_ASSIGN(const Plan again, PlanFromJson(PlanToJson(plan)));
  EXPECT_EQ(PlanSha256(again), PlanSha256(plan));
  EXPECT_EQ(again.label.attributes, plan.label.attributes);
  ASSERT_OK_AND_ASSIGN(const Plan without, ParsePlanToml(PlanOf("recommend", label), "p"));
  EXPECT_EQ(PlanToJson(without).find("items"), std::string::npos) << "such plans keep their hash";
  const auto refused = [&](const std::string& from, const std::string& to, const char* message) {
    std::string other = text;
    other.replace(other.find(from), from.size(), to);
    EXPECT_THAT(ParsePlanToml(other, "p"), StatusIs(absl::StatusCode::kInvalidArgument, message))
        << to;
  };
  refused("{ value = \"d\", attributes = [\"hat\"] }", "", "nothing of the value \"d\"");
  refused("value = \"d\"", "value = \"a\"", "once");
  refused("value = \"d\"", "value = \"e\"", "must be one of label.values");
  refused("[\"hat\"]", "[]", "1 to 16 texts");
  refused("[\"hat\"]", "[\"hat\", \"hat\"]", "twice");
  refused("attributes = [\"hat\"]", "attributes = [\"hat\"], more = 1", "not a key");
  EXPECT_THAT(ParsePlanToml(PlanOf("multi_class", label + items), "p"),
              StatusIs(absl::StatusCode::kInvalidArgument, "items"));
  Plan other = plan;
  other.heads.emplace_back();
  EXPECT_THAT(CheckRunnable(other), StatusIs(absl::StatusCode::kFailedPrecondition, "[[head]]"));
}

TEST(Plan, ActionsAreLearntFromRewards) {
  const std::string label = "kind = \"class\"\nvalues = [\"a\", \"b\", \"c\"]\ntime = \"day\"\n";
  const std::string section =
      "[q_learning]\nreward = \"paid\"\nlo = -1\nhi = 20\ndiscount = \"0.9\"\nhuber = "
      "\"0.5\"\ntarget_every = 7\n";
  const std::string text = PlanOf("q_learning", label) + section;
  ASSERT_OK_AND_ASSIGN(const Plan plan, ParsePlanToml(text, "p"));
  EXPECT_OK(CheckRunnable(plan));
  EXPECT_EQ(plan.q_learning->scale(), 20);
  const Head head = HeadsOf(plan).front();
  EXPECT_EQ(head.loss, Loss::kTemporal);
  EXPECT_EQ(head.outputs, 3u);
  EXPECT_EQ(head.discount, 0.9);
  EXPECT_EQ(head.huber, 0.5);
  EXPECT_EQ(head.target_every, 7u);
  ASSERT_OK_AND_ASSIGN(const Plan again, PlanFromJson(PlanToJson(plan)));
  EXPECT_EQ(PlanSha256(again), PlanSha256(plan));
  const auto refused = [&](const std::string& from, const std::string& to,
                           const std::string& message) {
    std::string other = text;
    other.replace(other.find(from), from.size(), to);
    EXPECT_THAT(ParsePlanToml(other, "p"), StatusIs(absl::StatusCode::kInvalidArgument, message))
        << to;
  };
  EXPECT_EQ(PlanToJson(plan).find("propensity"), std::string::npos)
      << "plans without it keep their hash";
  ASSERT_OK_AND_ASSIGN(const Plan logged, ParsePlanToml(text + "propensity = \"chance\"\n", "p"));
  EXPECT_EQ(logged.q_learning->propensity, "chance");
  EXPECT_EQ(PlanFromJson(PlanToJson(logged))->q_learning->propensity, "chance");
  refused("reward = \"paid\"", "reward = \"paid\"\npropensity = \"paid\"", "propensity");
  refused("reward = \"paid\"", "reward = \"paid\"\npropensity = \"label\"", "propensity");
  refused(section, "", "q_learning");
  refused("discount = \"0.9\"", "discount = \"1\"", "discount");
  refused("reward = \"paid\"", "reward = \"label\"", "is the label");
  refused("time = \"day\"\n", "", "must have a time");
  refused("hi = 20", "hi = -2", "lo");
  refused("target_every = 7", "target_every = 0", "target_every");
  refused("\"q_learning\"", "\"multi_class\"", "q_learning");
}

TEST(Plan, SideHeadsAddOutputsAndLossesToOneTrunk) {
  const std::string heads =
      "[[head]]\ncolumn = \"t.kind\"\nkind = \"class\"\nvalues = [\"a\", \"b\", \"c\"]\nweight = "
      "\"0.5\"\n"
      "[[head]]\ncolumn = \"t.spent\"\nkind = \"value\"\nlo = 0\nhi = 10\nhuber = \"0.25\"\n";
  const std::string text = SmallPlanToml({}) + heads;
  ASSERT_OK_AND_ASSIGN(const Plan plan, ParsePlanToml(text, "plan.toml"));
  EXPECT_OK(CheckRunnable(plan));
  EXPECT_EQ(plan.outputs(), 1u);
  EXPECT_EQ(plan.model_outputs(), 5u);
  EXPECT_EQ(LayoutOf(plan).layers().back().out, 5u);
  const Heads made = HeadsOf(plan);
  ASSERT_EQ(made.size(), 3u);
  EXPECT_EQ(made[0].loss, Loss::kLogistic);
  EXPECT_EQ(made[1].loss, Loss::kSoftmax);
  EXPECT_EQ(made[1].outputs, 3u);
  EXPECT_EQ(made[1].weight, 0.5);
  EXPECT_EQ(made[2].loss, Loss::kHuber);
  EXPECT_EQ(made[2].huber, 0.25);
  ASSERT_OK_AND_ASSIGN(const Plan again, PlanFromJson(PlanToJson(plan)));
  EXPECT_EQ(PlanSha256(again), PlanSha256(plan));
  EXPECT_EQ(PlanToJson(MakeSmallPlan()).find("\"head\""), std::string::npos) << "hashes stay";
  const auto refused = [&](std::string_view from, std::string_view to, const char* message) {
    std::string other = text;
    other.replace(other.find(from), from.size(), to);
    EXPECT_THAT(ParsePlanToml(other, "plan.toml"),
                StatusIs(absl::StatusCode::kInvalidArgument, message));
  };
  refused("t.kind", "t.y", "another label too");
  refused("t.kind", "t.spent", "another label too");
  refused("t.kind", "t.a", "a feature");
  refused("t.kind", "u.kind", "no [[table]]");
  refused("weight = \"0.5\"", "weight = \"0\"", "weight");
  refused("weight = \"0.5\"", "mass = \"1\"", "mass");
}

}  // namespace
}  // namespace veilsum::model
