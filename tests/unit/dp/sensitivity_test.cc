#include "dp/sensitivity.h"

#include <cfenv>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "tests/support/status_matchers.h"

namespace veilsum::dp {
namespace {

TEST(Sensitivity, IsTheReviewsFormulaDP02) {
  const TrainingGrid grid{65536, 20, 1.0, 1024, 64};
  EXPECT_NEAR(AccumulationError(grid), 1.0, 0.01);  // 9.6e-7 s C, the review's worked number
  ASSERT_OK_AND_ASSIGN(const double sensitivity, TrainingSensitivity(grid));
  EXPECT_NEAR(sensitivity, 0x1p20 + 1 + 256 + 1.0, 0.01);
}

TEST(Sensitivity, RefusesACoarseGridDP02) {
  EXPECT_OK(TrainingSensitivity({65536, 18, 1.0, 100, 1}));
  EXPECT_THAT(TrainingSensitivity({65536, 17, 1.0, 100, 1}), StatusIs(kInvalid, "DP-02"));
  EXPECT_THAT(TrainingSensitivity({65537, 18, 1.0, 100, 1}),
              StatusIs(kInvalid, "2^10 sqrt(dimension)"));
}

TEST(Sensitivity, RefusesWhatHasNoMeaning) {
  EXPECT_THAT(TrainingSensitivity({0, 20, 1, 1, 1}), StatusIs(kInvalid, "dimension is 0"));
  EXPECT_THAT(TrainingSensitivity({1, 20, 1, 0, 1}), StatusIs(kInvalid, "users_per_sum is 0"));
  EXPECT_THAT(TrainingSensitivity({1, 20, 1, 1, 0}), StatusIs(kInvalid, "rows_per_user is 0"));
  EXPECT_THAT(TrainingSensitivity({1, 41, 1, 1, 1}), StatusIs(kInvalid, "scale_log2 is 41"));
  EXPECT_THAT(TrainingSensitivity({1, -1, 1, 1, 1}), StatusIs(kInvalid, "scale_log2 is -1"));
  for (const double bad : {0.0, -1.0, std::nan(""), std::numeric_limits<double>::infinity()})
    EXPECT_THAT(TrainingSensitivity({1, 20, bad, 1, 1}), StatusIs(kInvalid, "clip_norm is"));
  EXPECT_THAT(StatisticsSensitivity({0, 20, 1}), StatusIs(kInvalid, "features is 0"));
  EXPECT_THAT(StatisticsSensitivity({1, 20, 0}), StatusIs(kInvalid, "users is 0"));
}

TEST(Sensitivity, OfStatisticsIsScaledNormPlusRounding) {
  const StatisticsGrid grid{17, 20, 2048};
  EXPECT_EQ(StatisticsDimension(grid), 35u);
  ASSERT_OK_AND_ASSIGN(const double sensitivity, StatisticsSensitivity(grid));
  EXPECT_NEAR(sensitivity, (0x1p20 + 1) * std::sqrt(35.0), 0.01);
}

double DistanceOfRounded(const std::vector<double>& sum, const std::vector<double>& contribution,
                         double scale) {
  double squares = 0;
  for (std::size_t j = 0; j < sum.size(); ++j) {
    const double step =
        std::nearbyint(scale * (sum[j] + contribution[j])) - std::nearbyint(scale * sum[j]);
    squares += step * step;
  }
  return std::sqrt(squares);
}

// A10: nearest rounding of a sum never moves by more than D2, and an adversary reaches .99 of the
// sqrt(d) term.
TEST(Sensitivity, BoundsEveryRoundedDifferenceA10) {
  ASSERT_EQ(std::fegetround(), FE_TONEAREST);
  std::mt19937_64 random(10);
  std::normal_distribution<double> normal;
  constexpr std::uint64_t kDimension = 64;
  const TrainingGrid grid{kDimension, 13, 1.0, 64, 1};
  ASSERT_OK_AND_ASSIGN(const double bound, TrainingSensitivity(grid));
  const double scale = 0x1p13;
  double farthest = 0;
  for (int round = 0; round < 4000; ++round) {
    std::vector<double> sum(kDimension), contribution(kDimension);
    double squares = 0;
    const bool adversarial = round % 2 == 0;
    for (std::size_t j = 0; j < kDimension; ++j) {
      // The adversary puts the others' sum just below a rounding boundary, on the side that the
      // contribution crosses.
      contribution[j] = adversarial ? 1 : normal(random);
      sum[j] = adversarial ? (std::floor(normal(random) * 1000) + 0.5 - 1e-6) / scale
                           : normal(random) * 20;
      squares += contribution[j] * contribution[j];
    }
    // Just over an integer number of grid steps is what rounds up everywhere.
    const double norm = adversarial ? (std::floor(scale / 8) - 1 + 2e-6) * 8 / scale : 1.0;
    for (double& c : contribution) c *= norm / std::sqrt(squares);
    const double moved = DistanceOfRounded(sum, contribution, scale);
    ASSERT_LE(moved, bound);
    farthest = std::max(farthest, moved - norm * scale);
  }
  EXPECT_GE(farthest, 0.99 * std::sqrt(static_cast<double>(kDimension)));
}

}  // namespace
}  // namespace veilsum::dp
