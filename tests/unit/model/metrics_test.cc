#include "model/metrics.h"

#include <cmath>

#include "tests/support/status_matchers.h"

namespace veilsum::model {
namespace {

// The four points of scikit-learn's documentation of roc_auc_score and average_precision_score:
// 0.75 and 0.8333.
TEST(EvaluateBinary, AgreesWithAPublishedExample) {
  ASSERT_OK_AND_ASSIGN(
      const BinaryMetrics m,
      EvaluateBinary(std::vector<float>{0.1f, 0.4f, 0.35f, 0.8f}, std::vector<float>{0, 0, 1, 1}));
  EXPECT_DOUBLE_EQ(*m.roc_auc, 0.75);
  EXPECT_NEAR(*m.pr_auc, 5.0 / 6, 1e-12);
  EXPECT_EQ(m.positives, 2u);
  EXPECT_DOUBLE_EQ(m.majority_accuracy, 0.5);
}

TEST(EvaluateBinary, CountsTiesOneHalf) {
  // Logits 2: {+}, 1: {+, -, -}, 0: {-}. Pairs: the first + beats 3; the second + ties 2 and beats
  // 1: (3 + 2/2 + 1) / 6. Average precision: 1 * 1/2 + 2/4 * 1/2.
  ASSERT_OK_AND_ASSIGN(const BinaryMetrics m, EvaluateBinary(std::vector<float>{2, 1, 1, 1, 0},
                                                             std::vector<float>{1, 1, 0, 0, 0}));
  EXPECT_NEAR(*m.roc_auc, 5.0 / 6, 1e-12);
  EXPECT_NEAR(*m.pr_auc, 0.75, 1e-12);
  EXPECT_DOUBLE_EQ(m.accuracy, 0.4);
  EXPECT_DOUBLE_EQ(m.majority_accuracy, 0.6);
}

TEST(EvaluateBinary, DoesNotDependOnTheOrderOfTies) {
  const std::vector<float> logits(6, 0.3f);
  ASSERT_OK_AND_ASSIGN(const BinaryMetrics a,
                       EvaluateBinary(logits, std::vector<float>{1, 1, 0, 0, 0, 0}));
  ASSERT_OK_AND_ASSIGN(const BinaryMetrics b,
                       EvaluateBinary(logits, std::vector<float>{0, 0, 0, 0, 1, 1}));
  EXPECT_DOUBLE_EQ(*a.roc_auc, 0.5);
  EXPECT_DOUBLE_EQ(*b.roc_auc, 0.5);
  EXPECT_NEAR(*a.pr_auc, 1.0 / 3, 1e-12);
  EXPECT_DOUBLE_EQ(*a.pr_auc, *b.pr_auc);
}

TEST(EvaluateBinary, LogLossIsStableFarOut) {
  ASSERT_OK_AND_ASSIGN(const BinaryMetrics m, EvaluateBinary(std::vector<float>{0, 1000, -1000},
                                                             std::vector<float>{1, 1, 1}));
  EXPECT_NEAR(m.log_loss, (std::log(2.0) + 0 + 1000) / 3, 1e-9);
}

TEST(EvaluateBinary, HasNoAreaWithOneClass) {
  ASSERT_OK_AND_ASSIGN(const BinaryMetrics m,
                       EvaluateBinary(std::vector<float>{1, 2}, std::vector<float>{0, 0}));
  EXPECT_FALSE(m.roc_auc.has_value());
  EXPECT_FALSE(m.pr_auc.has_value());
  ASSERT_OK_AND_ASSIGN(const BinaryMetrics all,
                       EvaluateBinary(std::vector<float>{1, 2}, std::vector<float>{1, 1}));
  EXPECT_FALSE(all.roc_auc.has_value());
  EXPECT_DOUBLE_EQ(*all.pr_auc, 1.0);
}

TEST(EvaluateBinary, BinsPredictions) {
  // Probabilities 0.25, 0.25, 0.75 and (almost) 1: bins [0, 0.5) and [0.5, 1].
  const float third = std::log(1.0f / 3);
  ASSERT_OK_AND_ASSIGN(const BinaryMetrics m,
                       EvaluateBinary(std::vector<float>{third, third, -third, 100},
                                      std::vector<float>{0, 1, 1, 1}, 2));
  ASSERT_EQ(m.calibration.size(), 2u);
  EXPECT_EQ(m.calibration[0].count, 2u);
  EXPECT_NEAR(m.calibration[0].mean_prediction, 0.25, 1e-6);
  EXPECT_DOUBLE_EQ(m.calibration[0].positive_rate, 0.5);
  EXPECT_EQ(m.calibration[1].count, 2u);
  EXPECT_NEAR(m.calibration[1].mean_prediction, 0.875, 1e-6);
  EXPECT_DOUBLE_EQ(m.calibration[1].positive_rate, 1.0);
}

TEST(EvaluateBinary, RefusesWhatCannotBeScored) {
  const auto refuses = [](std::vector<float> logits, std::vector<float> labels, const char* why) {
    EXPECT_THAT(EvaluateBinary(logits, labels), StatusIs(absl::StatusCode::kInvalidArgument, why));
  };
  refuses({}, {}, "nothing to score");
  refuses({1}, {1, 0}, "1 logits for 2 labels");
  refuses({1, std::nanf("")}, {1, 0}, "logit 1 is not finite");
  refuses({1, 2}, {1, 0.5f}, "label 1 is not 0 or 1");
}

}  // namespace
}  // namespace veilsum::model
