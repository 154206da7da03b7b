#include "model/plan/plan_format.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/model/plan/text.h"

namespace veilsum::model {
namespace {

TEST(Plan, TextHasABagOrADirectPathAndPublicLimits) {
  ASSERT_OK_AND_ASSIGN(const Plan plan, ParsePlanToml(kExamplePlan, "plan.toml"));
  EXPECT_OK(CheckRunnable(plan));
  EXPECT_FALSE(plan.features[2].direct);
  EXPECT_EQ(plan.features[2].max_terms, 256u);
  EXPECT_EQ(plan.bag_inputs(), 16u);
  const std::string both = Replace(kExamplePlan, "width = 16\n",
                                   "direct = true\nmax_terms = 40\nmore_columns = [\"title\"]\n");
  ASSERT_OK_AND_ASSIGN(const Plan linear, ParsePlanToml(both, "plan.toml"));
  EXPECT_EQ(linear.features[2].width, 0u);
  EXPECT_TRUE(linear.features[2].direct);
  EXPECT_EQ(linear.features[2].slots(), 40u);
  EXPECT_THAT(linear.features[2].more_columns, testing::ElementsAre("title"));
  ASSERT_OK_AND_ASSIGN(const Plan again, PlanFromJson(PlanToJson(linear)));
  EXPECT_EQ(PlanSha256(again), PlanSha256(linear));
  EXPECT_THAT(ParsePlanToml(Replace(kExamplePlan, "width = 16\n", ""), "plan.toml"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "width must be at least 1 where direct is not true"));
}

// A shop's purchases as events: what the plan may ask of them.
const char kEvents[] = R"([[table]]
name = "purchases"
file = "purchases.csv"
time = "at"

[[feature]]
column = "purchases.amount"
kind = "numeric"
aggregate = "sum"
window_days = 30
lo = 0
hi = 1000
log = true

[[feature]]
column = "purchases.amount"
kind = "numeric"
aggregate = "recency"
lo = 0
hi = 365

[[feature]]
column = "purchases.product"
kind = "events"
last = 8
buckets = 64
width = 4

[label]
time = "asked_at"
)";

std::string PlanWithEvents() { return Replace(kExamplePlan, "[label]\n", kEvents); }

TEST(Plan, EventsMayBeASequence) {
  const auto with = [](const std::string& lines) {
    return Replace(PlanWithEvents(), "width = 4\n\n[label]", "width = 4\n" + lines + "\n[label]");
  };
  ASSERT_OK_AND_ASSIGN(
      const Plan plan,
      ParsePlanToml(with("encoder = \"convolution\"\nkernel = 3\nchannels = 12\n"), "plan.toml"));
  EXPECT_EQ(plan.features[5].encoder, Encoder::kConvolution);
  EXPECT_EQ(plan.features[5].kernel, 3u);
  EXPECT_EQ(plan.bag_inputs(), 28u) << "channels in place of width";
  ASSERT_OK_AND_ASSIGN(const Plan again, PlanFromJson(PlanToJson(plan)));
  EXPECT_EQ(PlanToJson(again), PlanToJson(plan));
  ASSERT_OK_AND_ASSIGN(const Plan gru,
                       ParsePlanToml(with("encoder = \"gru\"\nchannels = 12\n"), "plan.toml"));
  EXPECT_EQ(gru.features[5].encoder, Encoder::kRecurrent);
  EXPECT_EQ(PlanToJson(PlanFromJson(PlanToJson(gru)).value()), PlanToJson(gru));
  const auto refuses = [&](const std::string& lines, const char* why) {
    EXPECT_THAT(ParsePlanToml(with(lines), "plan.toml"),
                StatusIs(absl::StatusCode::kInvalidArgument, why));
  };
  refuses("encoder = \"lstm\"\nchannels = 1\n", "encoder");
  refuses("encoder = \"gru\"\n", "channels is missing");
  refuses("encoder = \"gru\"\nchannels = 1\nkernel = 2\n", "kernel is not a key");
  refuses("encoder = \"convolution\"\nchannels = 1\nkernel = 9\n",
          "kernel must be at most last = 8");
  refuses("kernel = 3\n", "kernel is not a key");
  EXPECT_THAT(
      ParsePlanToml(Replace(with("encoder = \"gru\"\nchannels = 1\n"), "last = 8", "last = 33"),
                    "plan.toml"),
      StatusIs(absl::StatusCode::kInvalidArgument, "last must be at most 32"));
}

TEST(Plan, EventsAreAggregatedBeforeTheLabelsTime) {
  ASSERT_OK_AND_ASSIGN(const Plan plan, ParsePlanToml(PlanWithEvents(), "plan.toml"));
  EXPECT_TRUE(plan.tables.back().is_events());
  EXPECT_EQ(plan.label.time, "asked_at");
  EXPECT_EQ(plan.features[3].aggregate, Aggregate::kSum);
  EXPECT_EQ(plan.features[3].window_days, 30u);
  EXPECT_EQ(plan.features[4].aggregate, Aggregate::kRecency);
  EXPECT_EQ(plan.features[5].slots(), 8u);
  EXPECT_EQ(plan.bag_inputs(), 20u);
  ASSERT_OK_AND_ASSIGN(const Plan again, PlanFromJson(PlanToJson(plan)));
  EXPECT_EQ(PlanToJson(again), PlanToJson(plan));
  const auto refuses = [](const std::string& text, const char* why) {
    EXPECT_THAT(ParsePlanToml(text, "plan.toml"),
                StatusIs(absl::StatusCode::kInvalidArgument, why));
  };
  refuses(Replace(PlanWithEvents(), "time = \"asked_at\"\n", ""),
          "label must have a time: purchases is a table of events");
  refuses(Replace(PlanWithEvents(), "aggregate = \"sum\"\n", ""), "aggregate is missing");
  refuses(Replace(PlanWithEvents(), "time = \"at\"\n", ""), "aggregate is not a key");
  refuses(Replace(PlanWithEvents(), "kind = \"events\"\nlast = 8", "kind = \"categorical\""),
          "kind must be numeric or events in a table with a time");
  refuses(
      Replace(PlanWithEvents(), "aggregate = \"recency\"", "aggregate = \"sum\"\nwindow_days = 30"),
      "\"purchases.amount\" is given twice");
}

}  // namespace
}  // namespace veilsum::model
