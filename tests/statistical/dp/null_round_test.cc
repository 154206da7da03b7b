// Null rounds and the numbers read from noisy histograms, with the shipped sampler. Fixed seeds; a
// correct build fails a check at 5.33 standard deviations with probability 1e-7, the one on
// coverage with probability below 1e-4.
#include "dp/audit/null_round.h"

#include <cmath>

#include "base/bytes.h"
#include "dp/mechanism/private_auc.h"
#include "dp/sampler/discrete_gaussian.h"
#include "tests/support/seeded_rng.h"
#include "tests/support/status_matchers.h"

namespace veilsum::dp {
namespace {

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

std::vector<std::int64_t> SumOfShares(double share_sigma, int shares, std::size_t d,
                                      std::uint64_t seed) {
  SeededRngForTests rng(seed);
  const auto sampler = DiscreteGaussianSampler::Create(share_sigma).value();
  std::vector<std::int64_t> sum(d, 0);
  for (int i = 0; i < shares; ++i) sampler->AddNoise(rng.NewSecret<32>(), sum);
  return sum;
}

TEST(NullRound, SeesWhetherTheAgreedNoiseIsThereDP03) {
  constexpr std::size_t kD = std::size_t{1} << 19;
  constexpr double kShare = 3e5;
  const double agreed = kShare * std::sqrt(4.0);
  ASSERT_OK_AND_ASSIGN(const NullRound right,
                       CheckNullRound(SumOfShares(kShare, 4, kD, 1), agreed));
  EXPECT_FALSE(right.suspicious()) << right.spread << " " << right.mean;
  EXPECT_NEAR(right.sigma_ratio, 1, 0.006);
  // One merchant of four adds nothing; all add 1 % less.
  EXPECT_TRUE(CheckNullRound(SumOfShares(kShare, 3, kD, 2), agreed)->suspicious());
  const auto less = CheckNullRound(SumOfShares(0.99 * kShare, 4, kD, 3), agreed);
  EXPECT_TRUE(less->suspicious());
  EXPECT_LT(less->spread, 0);
  std::vector<std::int64_t> shifted = SumOfShares(kShare, 4, kD, 4);  // not a null contribution
  for (std::int64_t& x : shifted) x += static_cast<std::int64_t>(0.01 * agreed);
  EXPECT_TRUE(CheckNullRound(shifted, agreed)->suspicious());
  EXPECT_THAT(CheckNullRound(std::vector<std::int64_t>(999), 10), StatusIs(kInvalid, "999"));
  EXPECT_THAT(CheckNullRound(shifted, NAN), StatusIs(kInvalid, "noise_sigma"));
}

// Scores of both labels from overlapping triangular densities, whose AUC is known.
struct HoldOut {
  std::vector<std::int64_t> cells;
  double auc = 0;  // exact, by bins
};

HoldOut MakeHoldOut(const ScoreHistogramGrid& grid, std::size_t users, std::uint64_t seed) {
  SeededRngForTests rng(seed);
  HoldOut out{std::vector<std::int64_t>(2 * grid.bins, 0)};
  const auto uniform = [&] {
    std::uint32_t word;
    rng.Fill({reinterpret_cast<std::uint8_t*>(&word), sizeof word});
    return word * 0x1p-32;
  };
  for (std::size_t u = 0; u < users; ++u) {
    const bool positive = uniform() < 0.3;
    const double x = std::sqrt(uniform()), score = positive ? x : 1 - x;  // densities 2x, 2 - 2x
    const auto bin = std::min(grid.bins - 1, static_cast<std::uint32_t>(score * grid.bins));
    out.cells[(positive ? grid.bins : 0) + bin] += std::int64_t{1} << grid.scale_log2;
  }
  return out;
}

// P[x > y] for densities 2x and 2 - 2y on [0, 1] is 5/6.
TEST(PrivateAuc, IntervalsCoverTheTruth) {
  const ScoreHistogramGrid grid{64, 16, 4000};
  constexpr double kMultiplier = 3;
  constexpr int kRepeats = 150;
  const double sigma = kMultiplier * *ScoreHistogramSensitivity(grid);
  const auto sampler = DiscreteGaussianSampler::Create(sigma).value();
  SeededRngForTests rng(9);
  int covered = 0;
  for (int i = 0; i < kRepeats; ++i) {
    HoldOut hold_out = MakeHoldOut(grid, 4000, 100 + static_cast<std::uint64_t>(i));
    sampler->AddNoise(rng.NewSecret<32>(), hold_out.cells);
    ASSERT_OK_AND_ASSIGN(const PrivateAuc auc, AucOfHistograms(grid, hold_out.cells, sigma));
    covered += auc.low <= 5.0 / 6 && 5.0 / 6 <= auc.high;
    EXPECT_LT(auc.standard_error, 0.05);
    EXPECT_GT(auc.noise_error, 0);
  }
  EXPECT_GE(covered, kRepeats * 85 / 100);
}

TEST(PrivateAuc, IsExactWithoutNoise) {
  const ScoreHistogramGrid grid{4, 0, 100};
  const std::vector<std::int64_t> cells = {2, 1, 1, 0, 0, 1, 1, 2};
  ASSERT_OK_AND_ASSIGN(const PrivateAuc auc, AucOfHistograms(grid, cells, 0));
  double pairs = 0;
  for (int p = 0; p < 4; ++p)
    for (int n = 0; n < 4; ++n)
      pairs += static_cast<double>(cells[4 + p] * cells[n]) * (p > n ? 1 : p == n ? 0.5 : 0);
  EXPECT_NEAR(auc.auc, pairs / 16, 1e-12);
  EXPECT_EQ(auc.noise_error, 0);
  EXPECT_EQ(auc.calibration[1].observed, 0.5);
  EXPECT_EQ(auc.calibration[3].observed, 1);
}

TEST(PrivateAuc, RefusesWhatHasNoMeaning) {
  const ScoreHistogramGrid grid{4, 0, 100};
  const std::vector<std::int64_t> cells(8, 5);
  EXPECT_THAT(AucOfHistograms({1, 0, 100}, cells, 1), StatusIs(kInvalid, "bins is 1"));
  EXPECT_THAT(AucOfHistograms({4, 41, 100}, cells, 1), StatusIs(kInvalid, "scale_log2 is 41"));
  EXPECT_THAT(AucOfHistograms({4, 0, 0}, cells, 1), StatusIs(kInvalid, "users is 0"));
  EXPECT_THAT(AucOfHistograms({5, 0, 100}, cells, 1), StatusIs(kInvalid, "8 cells"));
  EXPECT_THAT(AucOfHistograms(grid, cells, NAN), StatusIs(kInvalid, "noise_sigma"));
  EXPECT_THAT(AucOfHistograms(grid, cells, 10),
              StatusIs(absl::StatusCode::kFailedPrecondition, "label 0"));
}

// One customer at the worst: D2 is never exceeded (A10 for this mechanism).
TEST(PrivateAuc, OneCustomerMovesTheRoundedSumByAtMostD2) {
  const ScoreHistogramGrid grid{64, 4, 1000};
  const double limit = *ScoreHistogramSensitivity(grid), scale = 16;
  SeededRngForTests rng(12);
  for (int trial = 0; trial < 200; ++trial) {
    std::vector<std::uint8_t> bytes(256);
    rng.Fill(bytes);
    double moved = 0, norm = 0;
    for (std::size_t i = 0; i < 128; ++i) norm += bytes[i];  // spreads a weight of one
    for (std::size_t i = 0; i < 128; ++i) {
      const double others = bytes[128 + i] / scale / 256 + 0.49 / scale, own = bytes[i] / norm;
      const double step = std::nearbyint(scale * (others + own)) - std::nearbyint(scale * others);
      moved += step * step;
    }
    EXPECT_LE(std::sqrt(moved), limit);
  }
}

// Noise that is exact whatever drops out (docs/privacy-mechanisms.md): merchant i adds component 0
// of variance S^2 / m and components k = 1..K of S^2 / (m - k) - S^2 / (m - k + 1); when k
// merchants are missing, components above k are removed, and what is left is S^2 for every k.
TEST(DropoutExactNoise, AddThenRemoveLeavesTheAgreedNoiseInSimulation) {
  constexpr int kMerchants = 10, kMost = 3;
  constexpr std::size_t kD = std::size_t{1} << 16;
  constexpr double kAggregate = 1e6;
  const double s2 = kAggregate * kAggregate;
  const auto variance = [&](int k) {
    return k == 0 ? s2 / kMerchants : s2 / (kMerchants - k) - s2 / (kMerchants - k + 1);
  };
  for (int dropped = 0; dropped <= kMost; ++dropped) {
    std::vector<std::int64_t> kept(kD, 0), everything(kD, 0);
    for (int k = 0; k <= kMost; ++k) {
      const auto component = SumOfShares(std::sqrt(variance(k)), kMerchants - dropped, kD,
                                         static_cast<std::uint64_t>(1000 + 10 * dropped + k));
      for (std::size_t j = 0; j < kD; ++j) {
        everything[j] += component[j];
        if (k <= dropped) kept[j] += component[j];
      }
    }
    EXPECT_FALSE(CheckNullRound(kept, kAggregate)->suspicious()) << dropped;
    // Without removal: the shares for the worst case, all of them there.
    const double all =
        kAggregate * std::sqrt(static_cast<double>(kMerchants - dropped) / (kMerchants - kMost));
    EXPECT_FALSE(CheckNullRound(everything, all)->suspicious()) << dropped;
    if (dropped < kMost) {
      EXPECT_TRUE(CheckNullRound(everything, kAggregate)->suspicious());
    }
  }
}

}  // namespace
}  // namespace veilsum::dp
