// What `veilsum run watch` tells of a run, in words and as JSON.
#include "cli/operate/run_progress.h"

#include "tests/support/status_matchers.h"

namespace veilsum::cli {
namespace {

void Fill(admin::v1::Figure* figure, double value) {
  figure->set_value(value);
  figure->set_low(value - 0.125);
  figure->set_high(value + 0.125);
}

admin::v1::RunProgress Evaluated() {
  admin::v1::RunProgress progress;
  progress.set_state("finished");
  progress.set_round(7);
  progress.set_step(5);
  progress.set_steps(5);
  progress.set_aborted(1);
  progress.set_attempts(7);
  progress.set_epsilon(1.5);
  progress.set_survivors(3);
  progress.set_model_hash("\x01\xff");
  admin::v1::Evaluation& evaluation = *progress.mutable_evaluation();
  evaluation.set_roc_auc(0.75);
  evaluation.set_low(0.625);
  evaluation.set_high(0.875);
  admin::v1::EvaluationGroup& usable = *evaluation.add_groups();
  usable.set_name("women");
  Fill(usable.mutable_roc_auc(), 0.75);
  Fill(usable.mutable_selected(), 0.25);
  Fill(usable.mutable_true_positives(), 0.5);
  Fill(usable.mutable_false_positives(), 0.125);
  admin::v1::EvaluationGroup& other = *evaluation.add_groups();
  other.set_name("other");
  other.set_unusable("too few");
  return progress;
}

TEST(RunProgress, IsOneLineInWords) {
  admin::v1::RunProgress progress = Evaluated();
  progress.set_reason("why");
  EXPECT_EQ(ProgressLine(progress),
            "finished  step 5 of 5  round 7  aborted 1  epsilon 1.5000  why");
}

TEST(RunProgress, EachGroupHasALine) {
  EXPECT_EQ(
      GroupLines(Evaluated().evaluation()),
      "group women  roc_auc 0.7500 (0.6250 to 0.8750)  selected 0.2500 (0.1250 to 0.3750)"
      "  true_positives 0.5000 (0.3750 to 0.6250)  false_positives 0.1250 (0.0000 to 0.2500)\n"
      "group other  no figures: too few\n");
  EXPECT_EQ(GroupLines({}), "");
}

TEST(RunProgress, AsJson) {
  const Json json = ProgressJson(Evaluated());
  EXPECT_EQ(json.at("schema"), "veilsum.run_progress.v1");
  EXPECT_EQ(json.at("state"), "finished");
  EXPECT_EQ(json.at("round"), 7);
  EXPECT_EQ(json.at("epsilon"), 1.5);
  EXPECT_EQ(json.at("model_hash"), "01ff");
  const Json& evaluation = json.at("evaluation");
  EXPECT_EQ(evaluation.at("roc_auc"), (Json{{"value", 0.75}, {"low", 0.625}, {"high", 0.875}}));
  ASSERT_EQ(evaluation.at("groups").size(), 2u);
  EXPECT_EQ(evaluation["groups"][0].at("selected").at("value"), 0.25);
  EXPECT_EQ(evaluation["groups"][1], (Json{{"name", "other"}, {"unusable", "too few"}}));
}

TEST(RunProgress, WithoutAnEvaluationThereIsNone) {
  EXPECT_FALSE(ProgressJson({}).contains("evaluation"));
  admin::v1::RunProgress unusable;
  unusable.mutable_evaluation()->set_unusable("too few merchants");
  const Json json = ProgressJson(unusable).at("evaluation");
  EXPECT_EQ(json.at("unusable"), "too few merchants");
  EXPECT_FALSE(json.contains("roc_auc"));
}

}  // namespace
}  // namespace veilsum::cli
