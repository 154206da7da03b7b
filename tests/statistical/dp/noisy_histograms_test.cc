// Numbers read from noisy histograms, with the shipped sampler: ROC-AUC with its interval,
// calibration, histograms and quantiles. Fixed seeds. Coverage of 95 % intervals in 400 repeats is
// at least 91 %: a build whose intervals cover 95 % fails with probability below 1e-3 for a fresh
// choice of seeds, and one whose intervals cover 85 % passes with probability below 1e-3 (binomial
// tails). Means over repeats are checked at 5.33 standard errors: 1e-7 each.
#include <cmath>
#include <numeric>

#include "dp/mechanism/private_auc.h"
#include "dp/mechanism/private_quantiles.h"
#include "dp/sampler/discrete_gaussian.h"
#include "tests/support/seeded_rng.h"
#include "tests/support/status_matchers.h"

namespace veilsum::dp {
namespace {

constexpr int kRepeats = 400;
constexpr int kLeastCovered = kRepeats * 91 / 100;

// Uniform numbers in [0, 1) of a seed.
class Uniforms {
 public:
  explicit Uniforms(std::uint64_t seed) : rng_(seed) {}
  double operator()() {
    if (at_ == words_.size()) {
      rng_.Fill({reinterpret_cast<std::uint8_t*>(words_.data()), sizeof(words_)});
      at_ = 0;
    }
    return words_[at_++] * 0x1p-32;
  }

 private:
  SeededRngForTests rng_;
  std::array<std::uint32_t, 1024> words_;
  std::size_t at_ = words_.size();
};

// Labels with P[1] = 0.3; predictions have density 2x for label 1 and 2 - 2x for label 0. Then
// P[x > y] = 5/6.
std::vector<std::int64_t> MakeHoldOut(const ScoreHistogramGrid& grid, int users, Uniforms& draw) {
  std::vector<std::int64_t> cells(ScoreHistogramDimension(grid));
  for (int u = 0; u < users; ++u) {
    const bool positive = draw() < 0.3;
    const double x = std::sqrt(draw()), score = positive ? x : 1 - x;
    const std::uint32_t bin = ScoreBin(score, grid.bins);
    cells[(positive ? grid.bins : 0) + bin] += std::int64_t{1} << grid.scale_log2;
  }
  return cells;
}

struct AucCase {
  std::uint32_t bins;
  double multiplier;
  int users;
};
class AucCoverage : public testing::TestWithParam<AucCase> {};

TEST_P(AucCoverage, IntervalsCoverTheTruthAndTheEstimateIsUnbiased) {
  const AucCase& c = GetParam();
  const ScoreHistogramGrid grid{c.bins, 12};
  const double sigma = c.multiplier * *ScoreHistogramSensitivity(grid);
  const auto sampler = DiscreteGaussianSampler::Create(sigma).value();
  SeededRngForTests rng(9);
  Uniforms draw(100 + c.bins);
  const double truth = 5.0 / 6;
  int covered = 0;
  // Of these densities: P[correct] = 3/4, E[-ln p] = 1/2.
  int accurate = 0, lossy = 0;
  double sum = 0, squares = 0, claimed = 0;
  for (int i = 0; i < kRepeats; ++i) {
    std::vector<std::int64_t> cells = MakeHoldOut(grid, c.users, draw);
    sampler->AddNoise(rng.NewSecret<32>(), cells);
    ASSERT_OK_AND_ASSIGN(const PrivateAuc auc, AucOfHistograms(grid, cells, sigma));
    covered += auc.low <= truth && truth <= auc.high;
    accurate += auc.accuracy.low <= 0.75 && 0.75 <= auc.accuracy.high;
    lossy += auc.log_loss.low <= 0.5 && 0.5 <= auc.log_loss.high;
    sum += auc.auc - truth;
    squares += (auc.auc - truth) * (auc.auc - truth);
    claimed += auc.standard_error / kRepeats;
    EXPECT_GT(auc.noise_error, 0);
    EXPECT_LT(auc.noise_error, auc.standard_error);
  }
  const double bias = sum / kRepeats, spread = std::sqrt(squares / kRepeats - bias * bias);
  EXPECT_GE(covered, kLeastCovered);
  EXPECT_GE(accurate, kLeastCovered);
  EXPECT_GE(lossy, kLeastCovered);
  // Ties of one bin cost at most 1 / bins of the pairs, half of them; and the second order of
  // noise.
  EXPECT_NEAR(bias, 0, 5.33 * spread / std::sqrt(kRepeats) + 0.25 / c.bins);
  EXPECT_NEAR(spread / claimed, 1, 0.25);
}

INSTANTIATE_TEST_SUITE_P(Noise, AucCoverage,
                         testing::Values(AucCase{32, 1.5, 2000}, AucCase{64, 4, 2000},
                                         AucCase{32, 8, 2000}, AucCase{64, 3, 800}),
                         [](const auto& c) {
                           return absl::StrFormat("Bins%dUsers%dNoise%d", c.param.bins,
                                                  c.param.users,
                                                  static_cast<int>(10 * c.param.multiplier));
                         });

TEST(PrivateAuc, BinsAreOfEqualAngle) {
  for (std::uint32_t bin = 0; bin < 32; ++bin) {
    EXPECT_EQ(ScoreBin(ScoreBinMiddle(bin, 32), 32), bin);
    if (bin > 0) {
      EXPECT_LT(ScoreBinMiddle(bin - 1, 32), ScoreBinMiddle(bin, 32));
    }
  }
  EXPECT_EQ(ScoreBin(0, 32), 0u);
  EXPECT_EQ(ScoreBin(1, 32), 31u);
  EXPECT_EQ(ScoreBin(-1, 32), 0u);
  EXPECT_EQ(ScoreBin(7, 2), 1u);
  EXPECT_EQ(ScoreBin(0.02, 32), 2u) << "rare labels: small predictions have bins of their own";
  EXPECT_EQ(ScoreBin(0.03, 32), 3u);
}

TEST(PrivateAuc, IsExactWithoutNoise) {
  const ScoreHistogramGrid grid{4, 0};
  const std::vector<std::int64_t> cells = {2, 1, 1, 0, 0, 1, 1, 2};
  ASSERT_OK_AND_ASSIGN(const PrivateAuc auc, AucOfHistograms(grid, cells, 0));
  double pairs = 0;
  for (int p = 0; p < 4; ++p)
    for (int n = 0; n < 4; ++n)
      pairs += static_cast<double>(cells[4 + p] * cells[n]) * (p > n ? 1 : p == n ? 0.5 : 0);
  EXPECT_NEAR(auc.auc, pairs / 16, 1e-12);
  EXPECT_EQ(auc.noise_error, 0);
  ASSERT_EQ(auc.calibration.size(), 4u);
  EXPECT_EQ(auc.calibration[1].observed, 0.5);
  EXPECT_NEAR(auc.calibration[1].predicted, 0.308658, 1e-6);  // sin^2 of 33.75 degrees
  EXPECT_EQ(auc.calibration[3].observed, 1);
  EXPECT_EQ(auc.calibration[3].customers, 2);
}

// Every customer at the middle of its bin, many bins: the figures are the exact ones.
TEST(PrivateAuc, AccuracyAndLogLossAreThoseOfTheCustomers) {
  const ScoreHistogramGrid grid{1024, 0};
  std::vector<std::int64_t> cells(ScoreHistogramDimension(grid));
  Uniforms draw(77);
  double right = 0, loss = 0;
  constexpr int kCustomers = 5000;
  for (int u = 0; u < kCustomers; ++u) {
    const double p = 0.02 + 0.96 * draw();
    const bool positive = draw() < p;
    ++cells[(positive ? grid.bins : 0) + ScoreBin(p, grid.bins)];
    right += (p >= 0.5) == positive;
    loss -= std::log(positive ? p : 1 - p);
  }
  ASSERT_OK_AND_ASSIGN(const PrivateAuc auc, AucOfHistograms(grid, cells, 0));
  EXPECT_NEAR(auc.accuracy.value, right / kCustomers, 1e-12);
  EXPECT_NEAR(auc.log_loss.value, loss / kCustomers, 1e-4);
  EXPECT_NEAR(auc.accuracy.high - auc.accuracy.value,
              1.96 * std::sqrt(auc.accuracy.value * (1 - auc.accuracy.value) / kCustomers), 1e-5);
}

TEST(PrivateAuc, ASureMistakeCostsAndTheMiddleBinIsHalfRight) {
  ASSERT_OK_AND_ASSIGN(const PrivateAuc odd,
                       AucOfHistograms({3, 0}, std::vector<std::int64_t>{0, 10, 0, 0, 10, 0}, 0));
  EXPECT_EQ(odd.accuracy.value, 0.5);
  ASSERT_OK_AND_ASSIGN(const PrivateAuc wrong,
                       AucOfHistograms({2, 0}, std::vector<std::int64_t>{0, 10, 10, 0}, 0));
  EXPECT_EQ(wrong.accuracy.value, 0);
  // The mean of -ln sin^2 from 0 to 45 degrees, with Catalan's constant.
  EXPECT_NEAR(wrong.log_loss.value, 2 * std::log(2.0) + 4 * 0.9159655941772190 / M_PI, 1e-3);
}

// P[label 1 | score x] = 0.3 * 2x / (0.3 * 2x + 0.7 * (2 - 2x)) with these densities.
TEST(PrivateAuc, ReliabilityBinsAreWithinTheirErrors) {
  const ScoreHistogramGrid grid{64, 12};
  const double sigma = 3 * *ScoreHistogramSensitivity(grid);
  const auto sampler = DiscreteGaussianSampler::Create(sigma).value();
  SeededRngForTests rng(10);
  Uniforms draw(5);
  std::vector<std::int64_t> cells = MakeHoldOut(grid, 20000, draw);
  sampler->AddNoise(rng.NewSecret<32>(), cells);
  ASSERT_OK_AND_ASSIGN(const PrivateAuc auc, AucOfHistograms(grid, cells, sigma));
  ASSERT_EQ(auc.calibration.size(), 10u);
  double customers = 0;
  for (const ReliabilityBin& bin : auc.calibration) {
    const double x = bin.predicted;
    EXPECT_NEAR(bin.observed, 0.3 * x / (0.3 * x + 0.7 * (1 - x)), 5.33 * bin.error + 0.01) << x;
    EXPECT_LT(bin.error, 0.05);
    customers += bin.customers;
  }
  EXPECT_NEAR(customers, 20000, 5.33 * 3 * std::sqrt(128.0));
}

TEST(PrivateAuc, WithoutNoiseGroupsAreCountedExactly) {
  const ScoreHistogramGrid grid{4, 1, 2};
  const std::vector<std::int64_t> cells = {6, 2, 0, 4, 2, 0, 4, 2,    // group 0: 6 of 0, 4 of 1
                                           0, 2, 2, 0, 0, 0, 0, 10};  // group 1: 2 of 0, 5 of 1
  ASSERT_OK_AND_ASSIGN(const PrivateGroup first, GroupOfHistograms(grid, 0, cells, 0));
  EXPECT_DOUBLE_EQ(first.positives, 4);
  EXPECT_DOUBLE_EQ(first.negatives, 6);
  EXPECT_DOUBLE_EQ(first.selected.value, 0.5);
  EXPECT_DOUBLE_EQ(first.true_positives.value, 0.75);
  EXPECT_NEAR(first.true_positives.high, std::min(1.0, 0.75 + 1.96 * std::sqrt(0.75 * 0.25 / 4)),
              1e-4);
  EXPECT_DOUBLE_EQ(first.false_positives.value, 2.0 / 6);
  EXPECT_NEAR(first.false_positives.high, 2.0 / 6 + 1.96 * std::sqrt(2.0 / 6 * 4 / 6 / 6), 1e-4);
  // Pairs in which the one of label 1 is above, ties by half: (1 * 1.5 + 2 * 4 + 1 * 5) / 24.
  EXPECT_DOUBLE_EQ(first.auc.value, 14.5 / 24);
  ASSERT_OK_AND_ASSIGN(const PrivateGroup second, GroupOfHistograms(grid, 1, cells, 0));
  EXPECT_DOUBLE_EQ(second.auc.value, 1);
  EXPECT_DOUBLE_EQ(second.true_positives.value, 1);
  EXPECT_DOUBLE_EQ(second.false_positives.value, 0.5);
  EXPECT_DOUBLE_EQ(second.selected.value, 6.0 / 7);
  ASSERT_OK_AND_ASSIGN(const PrivateAuc all, AucOfHistograms(grid, cells, 0));
  EXPECT_DOUBLE_EQ(all.positives, 9);
  EXPECT_DOUBLE_EQ(all.negatives, 8);
}

// At a standard deviation of half a customer in each cell, 5.33 standard errors.
TEST(PrivateAuc, GroupsWithNoiseAreWithinTheirErrors) {
  const ScoreHistogramGrid one{32, 12}, grid{32, 12, 3};
  const double sigma = 0.5 * *ScoreHistogramSensitivity(grid);
  const auto sampler = DiscreteGaussianSampler::Create(sigma).value();
  SeededRngForTests rng(12);
  Uniforms draw(6);
  std::vector<std::int64_t> exact;
  for (const int users : {4000, 1500, 600}) {
    const auto cells = MakeHoldOut(one, users, draw);
    exact.insert(exact.end(), cells.begin(), cells.end());
  }
  std::vector<std::int64_t> noisy = exact;
  sampler->AddNoise(rng.NewSecret<32>(), noisy);
  for (std::uint32_t g = 0; g < grid.groups; ++g) {
    ASSERT_OK_AND_ASSIGN(const PrivateGroup is, GroupOfHistograms(grid, g, exact, 0));
    ASSERT_OK_AND_ASSIGN(const PrivateGroup told, GroupOfHistograms(grid, g, noisy, sigma));
    for (const auto& [a, b] : {std::pair(is.auc, told.auc), std::pair(is.selected, told.selected),
                               std::pair(is.true_positives, told.true_positives),
                               std::pair(is.false_positives, told.false_positives)}) {
      EXPECT_GT(b.high - b.low, a.high - a.low) << "noise widens";
      const double width =
          (b.high - b.low) * (b.high - b.low) - (a.high - a.low) * (a.high - a.low);
      EXPECT_NEAR(a.value, b.value, 5.33 / 1.96 / 2 * 1.5 * std::sqrt(width)) << g;
      EXPECT_LT(b.high - b.low, 0.25);
    }
  }
  // The whole is the sum of groups, whose noises add.
  ASSERT_OK_AND_ASSIGN(const PrivateAuc whole, AucOfHistograms(grid, noisy, sigma));
  std::vector<std::int64_t> sum(64);
  for (std::size_t i = 0; i < noisy.size(); ++i) sum[i % 64] += noisy[i];
  ASSERT_OK_AND_ASSIGN(const PrivateAuc added, AucOfHistograms(one, sum, sigma * std::sqrt(3.0)));
  EXPECT_DOUBLE_EQ(whole.auc, added.auc);
  EXPECT_DOUBLE_EQ(whole.noise_error, added.noise_error);
}

TEST(PrivateAuc, AGroupThatNoiseHidesHasNoFigures) {
  const ScoreHistogramGrid grid{4, 0, 2};
  std::vector<std::int64_t> cells(16, 500);
  std::fill(cells.begin() + 8, cells.end(), 1);
  EXPECT_OK(GroupOfHistograms(grid, 0, cells, 10));
  EXPECT_THAT(GroupOfHistograms(grid, 1, cells, 10),
              StatusIs(absl::StatusCode::kFailedPrecondition, "label 0"));
  EXPECT_THAT(GroupOfHistograms(grid, 2, cells, 10), StatusIs(kInvalid, "group is 2"));
  EXPECT_THAT(GroupOfHistograms({4, 0, 18}, 0, cells, 10), StatusIs(kInvalid, "groups is 18"));
  EXPECT_THAT(GroupOfHistograms({4, 0, 3}, 0, cells, 10), StatusIs(kInvalid, "must have 2 * bins"));
}

TEST(PrivateAuc, RefusesWhatHasNoMeaning) {
  const ScoreHistogramGrid grid{4, 0};
  const std::vector<std::int64_t> cells(8, 5);
  EXPECT_THAT(AucOfHistograms({1, 0}, cells, 1), StatusIs(kInvalid, "bins is 1"));
  EXPECT_THAT(AucOfHistograms({4, 41}, cells, 1), StatusIs(kInvalid, "scale_log2 is 41"));
  EXPECT_THAT(AucOfHistograms({5, 0}, cells, 1), StatusIs(kInvalid, "8 cells"));
  EXPECT_THAT(AucOfHistograms(grid, cells, NAN), StatusIs(kInvalid, "noise_sigma"));
  EXPECT_THAT(AucOfHistograms(grid, cells, 10),
              StatusIs(absl::StatusCode::kFailedPrecondition, "label 0"));
}

// Values of density 2x on [0, 1]: the quantile of p is sqrt(p).
TEST(PrivateQuantiles, IntervalsCoverTheTruthAndTheEstimateIsWithinABin) {
  const HistogramGrid grid{2, 64, 12};
  const double sigma = 3 * *HistogramSensitivity(grid);
  const auto sampler = DiscreteGaussianSampler::Create(sigma).value();
  SeededRngForTests rng(11);
  Uniforms draw(6);
  constexpr std::array kShares = {0.05, 0.5, 0.9};
  std::array<int, kShares.size()> covered{};
  std::array<double, kShares.size()> bias{}, squares{};
  for (int i = 0; i < kRepeats; ++i) {
    std::vector<std::int64_t> cells(HistogramDimension(grid));
    for (int u = 0; u < 2000; ++u) {
      const std::array values = {0.5, std::sqrt(draw())};
      AddCustomer(grid, values, cells);
    }
    sampler->AddNoise(rng.NewSecret<32>(), cells);
    ASSERT_OK_AND_ASSIGN(const NoisyHistogram histogram,
                         NoisyHistogram::Create(grid, 1, cells, sigma));
    EXPECT_NEAR(histogram.total(), 2000, 5.33 * histogram.count_error() * 8);
    for (std::size_t j = 0; j < kShares.size(); ++j) {
      const double truth = std::sqrt(kShares[j]);
      const auto interval = histogram.QuantileInterval(kShares[j]);
      covered[j] += interval.low <= truth && truth <= interval.high;
      const double error = histogram.Quantile(kShares[j]) - truth;
      bias[j] += error / kRepeats;
      squares[j] += error * error / kRepeats;
    }
    for (double p = 0; p < 1; p += 0.05)
      EXPECT_LE(histogram.Quantile(p), histogram.Quantile(p + 0.05));
  }
  for (std::size_t j = 0; j < kShares.size(); ++j) {
    EXPECT_GE(covered[j], kLeastCovered) << kShares[j];
    const double spread = std::sqrt(squares[j] - bias[j] * bias[j]);
    EXPECT_NEAR(bias[j], 0, 5.33 * spread / std::sqrt(kRepeats) + 1.0 / 64) << kShares[j];
    EXPECT_LT(spread, 0.06) << kShares[j];
  }
}

TEST(PrivateQuantiles, AreExactWithoutNoiseAndPoolWhatFalls) {
  const HistogramGrid grid{1, 4, 2};
  std::vector<std::int64_t> cells(4);
  for (const double value : {0.1, 0.3, 0.3, 0.9}) AddCustomer(grid, std::span(&value, 1), cells);
  EXPECT_THAT(cells, testing::ElementsAre(4, 8, 0, 4));
  ASSERT_OK_AND_ASSIGN(const NoisyHistogram plain, NoisyHistogram::Create(grid, 0, cells, 0));
  EXPECT_EQ(plain.total(), 4);
  EXPECT_NEAR(plain.Quantile(0.25), 0.25, 1e-12);
  EXPECT_NEAR(plain.Quantile(0.5), 0.375, 1e-12);
  EXPECT_NEAR(plain.Quantile(1), 1, 1e-12);
  EXPECT_EQ(plain.Quantile(0), 0);
  const std::vector<std::int64_t> noisy = {40, -12, 8,
                                           4};  // cumulative 10, 7, 9, 10; pooled 8.5, 8.5, 9, 10
  ASSERT_OK_AND_ASSIGN(const NoisyHistogram pooled, NoisyHistogram::Create(grid, 0, noisy, 0));
  EXPECT_NEAR(pooled.Quantile(0.5), 0.25 * 5 / 8.5, 1e-12);
}

// A10: one customer more or less, whatever its values.
TEST(PrivateQuantiles, OneCustomerMovesTheSumByAtMostD2) {
  Uniforms draw(12);
  double largest = 0;
  for (int trial = 0; trial < 2000; ++trial) {
    const HistogramGrid grid{1 + static_cast<std::uint32_t>(draw() * 5),
                             2 + static_cast<std::uint32_t>(draw() * 30),
                             static_cast<int>(draw() * 20)};
    const std::size_t rows = static_cast<std::size_t>(draw() * 6);
    std::vector<double> values(rows * grid.columns);
    for (double& value : values) {
      const double kind = draw();
      value = kind < 0.02 ? NAN : kind < 0.04 ? -INFINITY : kind < 0.3 ? 0.5 : 4 * draw() - 1;
    }
    std::vector<std::int64_t> cells(HistogramDimension(grid));
    AddCustomer(grid, values, cells);
    double squares = 0;
    for (const std::int64_t cell : cells)
      squares += static_cast<double>(cell) * static_cast<double>(cell);
    const double limit = *HistogramSensitivity(grid);
    ASSERT_LE(std::sqrt(squares), limit * (1 + 1e-12));
    largest = std::max(largest, std::sqrt(squares) / limit);
  }
  EXPECT_NEAR(largest, 1, 1e-9) << "the bound is reached";
}

TEST(PrivateQuantiles, RefuseWhatHasNoMeaning) {
  const std::vector<std::int64_t> cells(8, 1);
  EXPECT_THAT(HistogramSensitivity({0, 4, 0}), StatusIs(kInvalid, "columns is 0"));
  EXPECT_THAT(HistogramSensitivity({1, 1, 0}), StatusIs(kInvalid, "bins is 1"));
  EXPECT_THAT(HistogramSensitivity({1, 4, 41}), StatusIs(kInvalid, "scale_log2 is 41"));
  EXPECT_THAT(NoisyHistogram::Create({2, 4, 0}, 2, cells, 1), StatusIs(kInvalid, "column is 2"));
  EXPECT_THAT(NoisyHistogram::Create({2, 5, 0}, 0, cells, 1), StatusIs(kInvalid, "8 cells"));
  EXPECT_THAT(NoisyHistogram::Create({2, 4, 0}, 0, cells, -1), StatusIs(kInvalid, "noise_sigma"));
  EXPECT_THAT(NoisyHistogram::Create({2, 4, 0}, 0, cells, 10),
              StatusIs(absl::StatusCode::kFailedPrecondition, "column 0"));
}

}  // namespace
}  // namespace veilsum::dp
