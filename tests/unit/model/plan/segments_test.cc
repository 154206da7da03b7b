#include "model/contract/privacy_terms.h"
#include "model/plan/plan_format.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/model/plan/text.h"
#include "tests/unit/model/small_plan.h"

namespace veilsum::model {
namespace {

// A small plan of segments over t.a, t.b and t.c.
std::string SegmentsPlan(const std::string& section) {
  const std::string text = SmallPlanToml({});
  const std::size_t categorical = text.find("[[feature]]\ncolumn = \"t.d\"");
  std::string out = text.substr(0, categorical) + section + text.substr(text.find("[training]"));
  return Replace(std::move(out), "task = \"binary\"", "task = \"segments\"");
}

TEST(Plan, SegmentsHaveCentresInPlaceOfALabelAndAModel) {
  const std::string section = "[segments]\ntable = \"t\"\ncount = 5\ntime = \"day\"\n";
  const std::string text = SegmentsPlan(section);
  ASSERT_OK_AND_ASSIGN(const Plan plan, ParsePlanToml(text, "p"));
  EXPECT_OK(CheckRunnable(plan));
  EXPECT_EQ(plan.task, Task::kSegments);
  EXPECT_EQ(plan.label.table, "t");
  EXPECT_EQ(plan.label.time, "day");
  EXPECT_EQ(plan.outputs(), 5u);
  const Heads heads = HeadsOf(plan);
  ASSERT_EQ(heads.size(), 1u);
  EXPECT_EQ(heads.front().loss, Loss::kCentres);
  EXPECT_EQ(heads.front().outputs, 5u);
  const Layout layout = LayoutOf(plan);
  ASSERT_EQ(layout.layers().size(), 1u);
  EXPECT_EQ(layout.layers().front().in, plan.numeric_inputs());
  EXPECT_EQ(layout.layers().front().out, 5u);
  ASSERT_OK_AND_ASSIGN(const Plan again, PlanFromJson(PlanToJson(plan)));
  EXPECT_EQ(PlanSha256(again), PlanSha256(plan));
  const std::string json = PlanToJson(plan);
  EXPECT_EQ(json.find("\"label\""), std::string::npos);
  EXPECT_EQ(json.find("\"model\""), std::string::npos);
  EXPECT_NE(json.find("\"segments\":{\"count\":5,\"table\":\"t\",\"time\":\"day\"}"),
            std::string::npos);
}

TEST(Plan, SegmentsRefuseWhatTheyDoNotHave) {
  const std::string section = "[segments]\ntable = \"t\"\ncount = 5\n";
  const auto invalid = absl::StatusCode::kInvalidArgument;
  const auto refused = [&](const std::string& text, const char* message) {
    EXPECT_THAT(ParsePlanToml(text, "p"), StatusIs(invalid, message)) << text;
  };
  refused(SegmentsPlan(""), "segments is missing");
  refused(SegmentsPlan("[segments]\ntable = \"t\"\ncount = 1\n"), "segments.count is 1");
  refused(SegmentsPlan("[segments]\ntable = \"t\"\ncount = 257\n"), "segments.count is 257");
  refused(SegmentsPlan("[segments]\ntable = \"u\"\ncount = 5\n"), "no [[table]] of that name");
  refused(SegmentsPlan(section + "label = \"x\"\n"), "segments.label");
  refused(SegmentsPlan(section + "[label]\ncolumn = \"t.y\"\nkind = \"binary\"\n"),
          "label is given, but task \"segments\" has none");
  refused(SegmentsPlan(section + "[model]\nhidden = [4]\n"),
          "model is given, but task \"segments\" has none");
  refused(SegmentsPlan(section + "[[head]]\ncolumn = \"t.y\"\nkind = \"binary\"\n"),
          "head is given, but task \"segments\" has none");
  refused(SegmentsPlan(section + "[q_learning]\nreward = \"paid\"\n"), "q_learning");
  refused(SmallPlanToml({}) + section, "segments");
}

TEST(Plan, SegmentsOfOtherModesAndFeaturesCannotRun) {
  const auto cannot = absl::StatusCode::kFailedPrecondition;
  ASSERT_OK_AND_ASSIGN(const Plan plan,
                       ParsePlanToml(SegmentsPlan("[segments]\ntable = \"t\"\ncount = 5\n"), "p"));
  Plan other = plan;
  other.training.regularisation.l2 = Exactly(1, 100);
  EXPECT_THAT(CheckRunnable(other), StatusIs(cannot, "training.l1 and training.l2"));
  other = plan;
  other.training.mode = Mode::kLocal;
  EXPECT_THAT(CheckRunnable(other), StatusIs(cannot, "training.mode \"distributed\""));
  other.training.mode = Mode::kMerchant;
  EXPECT_THAT(CheckRunnable(other), StatusIs(cannot, "training.mode \"distributed\""));
  for (const FeatureKind kind :
       {FeatureKind::kCategorical, FeatureKind::kText, FeatureKind::kEvents}) {
    other = plan;
    other.features.back().kind = kind;
    EXPECT_THAT(CheckRunnable(other), StatusIs(cannot, "is not numeric"));
  }
  other = plan;
  other.evaluation.emplace();
  EXPECT_THAT(CheckRunnable(other), StatusIs(cannot, "evaluation"));
}

}  // namespace
}  // namespace veilsum::model
