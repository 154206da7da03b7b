// Null rounds with the shipped sampler. Fixed seeds; a correct build fails a check at 5.33 standard
// deviations with probability 1e-7.
#include "dp/audit/null_round.h"

#include <cmath>

#include "base/bytes.h"
#include "dp/sampler/discrete_gaussian.h"
#include "tests/support/seeded_rng.h"
#include "tests/support/status_matchers.h"

namespace veilsum::dp {
namespace {

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
