// Figures of small hold-outs that can be checked by hand.
#include "model/quality.h"

#include <gtest/gtest.h>

#include <cmath>

#include "model/plan/scale.h"
#include "tests/support/status_matchers.h"

namespace veilsum::model {
namespace {

Plan Classes() {
  Plan plan;
  plan.task = Task::kMultiClass;
  plan.label.kind = LabelKind::kClass;
  plan.label.values = {"a", "b", "c"};
  return plan;
}

Plan Values(bool log) {
  Plan plan;
  plan.task = Task::kRegression;
  plan.label.kind = LabelKind::kValue;
  plan.label.lo = *Decimal::Parse("0");
  plan.label.hi = *Decimal::Parse("100");
  plan.label.log = log;
  return plan;
}

TEST(Quality, OfClasses) {
  const float z = std::log(2.0f);
  // Probabilities 1/2, 1/4, 1/4 three times, with different classes ahead.
  const std::vector<float> outputs = {z, 0, 0, 0, z, 0, z, 0, 0};
  const std::vector<float> labels = {0, 1, 2};
  const auto quality = Evaluate(Classes(), outputs, labels);
  ASSERT_TRUE(quality.ok()) << quality.status();
  EXPECT_NEAR(*quality->log_loss, (std::log(2) + std::log(2) + std::log(4)) / 3, 1e-6);
  EXPECT_NEAR(*quality->accuracy, 2.0 / 3, 1e-12);
  EXPECT_NEAR(*quality->majority_accuracy, 1.0 / 3, 1e-12);
  // a: one other ties, one below: 3/4; b: 1; c: both others tie: 1/2.
  EXPECT_NEAR(*quality->roc_auc, (0.75 + 1 + 0.5) / 3, 1e-12);
  EXPECT_EQ(quality->leading(), quality->roc_auc);
  EXPECT_FALSE(quality->pr_auc || quality->rmse);
}

TEST(Quality, OfOneClassHasNoArea) {
  EXPECT_FALSE(Evaluate(Classes(), std::vector<float>(3), std::vector<float>(1))->roc_auc);
}

TEST(Quality, OfValuesIsInTheLabelsUnits) {
  // Truth 0, 50, 100; predictions 0, 75, 100 (beyond the bound).
  const auto quality =
      Evaluate(Values(false), std::vector<float>{-1, 0.5, 3}, std::vector<float>{-1, 0, 1});
  ASSERT_TRUE(quality.ok()) << quality.status();
  EXPECT_NEAR(*quality->rmse, 25 / std::sqrt(3), 1e-9);
  EXPECT_NEAR(*quality->mae, 25.0 / 3, 1e-9);
  EXPECT_NEAR(*quality->r2, 1 - 625.0 / 5000, 1e-9);
  EXPECT_NEAR(quality->loss, (0.5 * 0.5 / 2 + 2) / 3, 1e-6);
  EXPECT_EQ(quality->leading(), quality->rmse);
  EXPECT_FALSE(quality->log_loss || quality->accuracy);
}

TEST(Scale, DecodesWhatItEncodes) {
  for (const bool log : {false, true}) {
    const Scale scale(Values(log).label);
    for (const double value : {0.0, 0.5, 7.0, 100.0})
      EXPECT_NEAR(scale.Decode(scale.Encode(value)), value, 1e-4);
    EXPECT_EQ(scale.Encode(-5), -1.0f);
    EXPECT_EQ(scale.Encode(1000), 1.0f);
    EXPECT_NEAR(scale.Decode(7), 100, 1e-9);
  }
  EXPECT_NEAR(Scale(Values(true).label).Decode(0), std::sqrt(101) - 1, 1e-9);
}

TEST(Quality, RefusesWhatCannotBeScored) {
  const auto refuses = [](const Plan& plan, std::vector<float> outputs, std::vector<float> labels,
                          const char* why) {
    EXPECT_THAT(Evaluate(plan, outputs, labels), StatusIs(absl::StatusCode::kInvalidArgument, why));
  };
  refuses(Classes(), {}, {}, "nothing to score");
  refuses(Classes(), {1, 2}, {0}, "must be 3 for each");
  refuses(Classes(), {1, 2, NAN}, {0}, "not finite");
  refuses(Classes(), {1, 2, 3}, {3}, "not one of 3");
  refuses(Classes(), {1, 2, 3}, {NAN}, "not one of 3");
}

TEST(Quality, OfSeveralHeadsLooksAtEachOnesOutputsAndSkipsMissingLabels) {
  Plan plan;  // of a binary label
  plan.heads.resize(1);
  plan.heads[0].label.kind = LabelKind::kClass;
  plan.heads[0].label.values = {"a", "b"};
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> outputs = {2, 0, 1, -2, 1, 0, 3, 5, 0}, labels = {1, 0, 1},
                           side = {1, nan, 1};
  ASSERT_OK_AND_ASSIGN(const Quality main, Evaluate(plan, outputs, labels));
  EXPECT_EQ(main.rows, 3u);
  EXPECT_EQ(main.accuracy, 1.0);
  ASSERT_OK_AND_ASSIGN(const Quality other, EvaluateHead(plan, 0, outputs, side));
  EXPECT_EQ(other.rows, 2u);
  EXPECT_EQ(other.accuracy, 0.5) << "the first row is right, the third is not";
  EXPECT_FALSE(EvaluateHead(plan, 0, outputs, std::vector<float>(3, nan)).ok());
  EXPECT_FALSE(Evaluate(plan, std::span(outputs).first(8), labels).ok());
}

}  // namespace
}  // namespace veilsum::model
