#include "model/plan/plan_format.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/model/plan/text.h"

namespace veilsum::model {
namespace {

TEST(PlanJson, RoundTripsToTheSameBytes) {
  ASSERT_OK_AND_ASSIGN(const Plan plan, ParsePlanToml(kExamplePlan, "plan.toml"));
  const std::string json = PlanToJson(plan);
  ASSERT_OK_AND_ASSIGN(const Plan again, PlanFromJson(json));
  EXPECT_EQ(PlanToJson(again), json);
  EXPECT_EQ(PlanSha256(again), PlanSha256(plan));
  EXPECT_THAT(json, testing::HasSubstr("\"learning_rate\":\"0.005\""));
  EXPECT_THAT(json, testing::HasSubstr("\"sampling_rate\":{\"den\":10,\"num\":1}"));
  EXPECT_THAT(json, testing::HasSubstr("\"population\":{\"minimum_customers\":100}"));
}

TEST(PlanJson, NamesEqualPlansAlikeHoweverTheyAreWritten) {
  ASSERT_OK_AND_ASSIGN(const Plan plan, ParsePlanToml(kExamplePlan, "plan.toml"));
  std::string text = Replace(kExamplePlan, "clip_norm = \"1\"", "clip_norm = 1");
  text = Replace(text, "\"1/10\"", "\"0.10\"");
  text = Replace(text, "[rounds]\ntick_ms = 20\ndeadline_ms = 5000\n", "# the defaults\n");
  ASSERT_OK_AND_ASSIGN(const Plan same, ParsePlanToml(text, "other.toml"));
  EXPECT_EQ(PlanSha256(same), PlanSha256(plan));
  ASSERT_OK_AND_ASSIGN(const Plan other,
                       ParsePlanToml(Replace(kExamplePlan, "steps = 600", "steps = 601"), "p"));
  EXPECT_NE(PlanSha256(other), PlanSha256(plan));
}

TEST(PlanJson, RefusesOtherFormsAndValues) {
  ASSERT_OK_AND_ASSIGN(const Plan plan, ParsePlanToml(kExamplePlan, "plan.toml"));
  const std::string json = PlanToJson(plan);
  const auto refuses = [](const std::string& text, const char* why) {
    EXPECT_THAT(PlanFromJson(text), StatusIs(absl::StatusCode::kInvalidArgument, why)) << why;
  };
  refuses("", "plan: not JSON");
  refuses(json + " ", "plan: ");
  refuses(json.substr(0, json.size() - 1), "plan: not JSON");
  refuses("[]", "must be a section");
  refuses(Replace(json, "\"clip_norm\":\"1\"", "\"clip_norm\":\"1.0\""), "not in canonical form");
  refuses(Replace(json, "\"clip_norm\":\"1\"", "\"clip_norm\":1"), "not in canonical form");
  refuses(Replace(json, "\"steps\":600", "\"steps\":0"), "training.steps is 0");
  refuses(Replace(json, "\"feature\":[", "\"extra\":1,\"feature\":["), "extra is not a key");
  refuses(Replace(json, "{\"den\":10,\"num\":1}", "{\"den\":20,\"num\":2}"),
          "not in canonical form");
  refuses(Replace(json, "{\"den\":10,\"num\":1}", "{\"den\":0,\"num\":1}"),
          "training.sampling_rate.den is 0");
}

}  // namespace
}  // namespace veilsum::model
