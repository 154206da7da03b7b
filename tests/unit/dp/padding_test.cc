#include "dp/padding.h"

#include "tests/support/status_matchers.h"

namespace veilsum::dp {
namespace {

TEST(Padding, MatchesTheWorkedNumberOfDP06) {
  EXPECT_EQ(*PaddedBatch(10000, *SamplingRate::Parse("0.01"), 1000), 189u);
}

TEST(Padding, IsTheWholePopulationWhenItIsTiny) {
  EXPECT_EQ(*PaddedBatch(1, *SamplingRate::Parse("0.1"), 10), 1u);
  EXPECT_EQ(*PaddedBatch(8, *SamplingRate::Parse("1"), 10), 8u);
  EXPECT_LE(*PaddedBatch(15, *SamplingRate::Parse("0.001"), 10), 15u);
}

TEST(Padding, OverflowsNoMoreOftenThanCharged) {
  for (const std::uint64_t population : {20u, 100u, 1000u, 65536u}) {
    for (const char* text : {"0.001", "0.02", "0.5"}) {
      ASSERT_OK_AND_ASSIGN(const SamplingRate rate, SamplingRate::Parse(text));
      ASSERT_OK_AND_ASSIGN(const std::uint64_t size, PaddedBatch(population, rate, 640));
      ASSERT_LE(size, population);
      EXPECT_LE(BinomialUpperTail(population, rate.value(), size), kQuantileTailPerRun / 640);
      EXPECT_LE(BinomialUpperTail(population - 1, rate.value(), size - 1), kOverflowPerRun / 640);
    }
  }
}

TEST(Padding, UpperTailAgreesWithHandCounts) {
  EXPECT_EQ(BinomialUpperTail(3, 0.5, 0), 1);  // below the mean nothing is claimed
  EXPECT_NEAR(BinomialUpperTail(3, 0.5, 1), 0.5, 1e-8);
  EXPECT_NEAR(BinomialUpperTail(3, 0.5, 2), 0.125, 1e-9);
  EXPECT_NEAR(BinomialUpperTail(4, 0.25, 2), 13.0 / 256, 1e-9);
  EXPECT_EQ(BinomialUpperTail(4, 0.25, 4), 0);
  EXPECT_EQ(BinomialUpperTail(4, 1.0, 3), 1);
}

TEST(Padding, SizeClassesArePowersOfTwoSE15) {
  EXPECT_EQ(*SizeClass(1), 1u);
  EXPECT_EQ(*SizeClass(5), 8u);
  EXPECT_EQ(*SizeClass(1024), 1024u);
  EXPECT_EQ(*SizeClass(1025), 2048u);
  EXPECT_THAT(SizeClass(0), StatusIs(kInvalid, "SE-15"));
}

TEST(Padding, RefusesEmptyPopulationsAndRuns) {
  EXPECT_THAT(PaddedBatch(0, *SamplingRate::Parse("0.1"), 10),
              StatusIs(kInvalid, "population is 0"));
  EXPECT_THAT(PaddedBatch(10, *SamplingRate::Parse("0.1"), 0), StatusIs(kInvalid, "attempts is 0"));
}

}  // namespace
}  // namespace veilsum::dp
