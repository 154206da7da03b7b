#include "dp/sampler/poisson_subset.h"

#include <algorithm>
#include <cmath>

#include "tests/support/seeded_rng.h"
#include "tests/support/status_matchers.h"

namespace veilsum::dp {
namespace {

SamplingRate Rate(std::string_view text) { return *SamplingRate::Parse(text); }

TEST(PoissonSubset, OfRateOneIsEverybody) {
  SeededRngForTests rng(1);
  const auto all = SamplePoissonSubset(1000, Rate("1"), 1000, rng);
  ASSERT_EQ(all.size(), 1000u);
  for (std::uint32_t i = 0; i < 1000; ++i) EXPECT_EQ(all[i], i);
}

TEST(PoissonSubset, OfNobodyIsEmpty) {
  SeededRngForTests rng(1);
  EXPECT_TRUE(SamplePoissonSubset(0, Rate("1/2"), 10, rng).empty());
}

TEST(PoissonSubset, IsAscendingAndInRange) {
  SeededRngForTests rng(2);
  const auto subset = SamplePoissonSubset(5000, Rate("1/10"), 5000, rng);
  EXPECT_TRUE(std::is_sorted(subset.begin(), subset.end()));
  EXPECT_EQ(std::adjacent_find(subset.begin(), subset.end()), subset.end());
  EXPECT_LT(subset.back(), 5000u);
}

// Fixed seed; each bound fails a correct sampler with probability 1e-7.
TEST(PoissonSubset, IncludesEachCustomerIndependentlyAtTheRate) {
  SeededRngForTests rng(3);
  constexpr int kDraws = 4000, kPopulation = 100;
  constexpr double kRate = 0.03;
  std::vector<int> counts(kPopulation, 0);
  int both = 0;
  double size_squares = 0, total = 0;
  for (int draw = 0; draw < kDraws; ++draw) {
    const auto subset = SamplePoissonSubset(kPopulation, Rate("0.03"), kPopulation, rng);
    for (const std::uint32_t customer : subset) ++counts[customer];
    both += std::binary_search(subset.begin(), subset.end(), 0u) &&
            std::binary_search(subset.begin(), subset.end(), 1u);
    total += static_cast<double>(subset.size());
    size_squares += std::pow(static_cast<double>(subset.size()) - kRate * kPopulation, 2);
  }
  const double variance = kRate * (1 - kRate);
  for (const int count : counts)
    EXPECT_NEAR(count, kDraws * kRate,
                6.3 * std::sqrt(kDraws * variance));  // 5.33 over 100 customers
  EXPECT_NEAR(total, kDraws * kPopulation * kRate,
              5.33 * std::sqrt(kDraws * kPopulation * variance));
  EXPECT_NEAR(size_squares / kDraws, kPopulation * variance,
              5.33 * kPopulation * variance * std::sqrt(2.4 / kDraws));
  EXPECT_LE(both, 20);  // mean 3.6
}

// DP-05: two attempts never share coins, though the rate and the customers are the same.
TEST(PoissonSubset, DrawsFreshCoinsEachTime) {
  SeededRngForTests rng(4);
  EXPECT_NE(SamplePoissonSubset(1000, Rate("1/2"), 1000, rng),
            SamplePoissonSubset(1000, Rate("1/2"), 1000, rng));
}

// DP-06: never more than the padded batch; the subset kept is uniform.
TEST(PoissonSubset, OverflowKeepsARandomSubsetOfThePaddedSize) {
  SeededRngForTests rng(5);
  constexpr int kDraws = 6000;
  std::vector<int> counts(20, 0);
  for (int draw = 0; draw < kDraws; ++draw) {
    const auto subset = SamplePoissonSubset(20, Rate("1"), 5, rng);
    ASSERT_EQ(subset.size(), 5u);
    EXPECT_TRUE(std::is_sorted(subset.begin(), subset.end()));
    for (const std::uint32_t customer : subset) ++counts[customer];
  }
  for (const int count : counts)
    EXPECT_NEAR(count, kDraws / 4.0, 6 * std::sqrt(kDraws * 0.25 * 0.75));
}

}  // namespace
}  // namespace veilsum::dp
