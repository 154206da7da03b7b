#include "dp/mechanism/noise_share.h"

#include <cmath>

#include "tests/support/seeded_rng.h"
#include "tests/support/status_matchers.h"

namespace veilsum::dp {
namespace {

ClippedSum SumOf(std::vector<std::int64_t> grid) {
  return ClippedSum::FromCertifiedContributions(std::move(grid));
}

TEST(NoiseShare, RefusesSharesThatAreNoNoise) {
  for (const double bad : {0.0, -1.0, 7.9, std::nan(""), 0x1p51, static_cast<double>(INFINITY)})
    EXPECT_THAT(NoiseShare::Create(bad),
                StatusIs(absl::StatusCode::kInvalidArgument, "share_sigma is"))
        << bad;
}

// DP-12, DP-13: fresh entropy in every call, whatever is noised.
TEST(NoiseShare, NeverUsesNoiseTwice) {
  SeededRngForTests rng(1);
  ASSERT_OK_AND_ASSIGN(const NoiseShare share, NoiseShare::Create(1e6));
  const NoisedVector first = share.AddTo(SumOf(std::vector<std::int64_t>(1000, 0)), rng);
  const NoisedVector second = share.AddTo(SumOf(std::vector<std::int64_t>(1000, 0)), rng);
  int equal = 0;
  for (std::size_t i = 0; i < 1000; ++i) equal += first.integers()[i] == second.integers()[i];
  EXPECT_LE(equal, 2);
}

TEST(NoiseShare, AddsToTheSum) {
  ASSERT_OK_AND_ASSIGN(const NoiseShare share, NoiseShare::Create(100));
  SeededRngForTests rng(1), same(1);
  const NoisedVector zero = share.AddTo(SumOf(std::vector<std::int64_t>(3000, 0)), rng);
  const NoisedVector shifted =
      share.AddTo(SumOf(std::vector<std::int64_t>(3000, -12345678901)), same);
  for (std::size_t i = 0; i < 3000; ++i)
    ASSERT_EQ(shifted.integers()[i] + 12345678901, zero.integers()[i]);
}

TEST(NoiseShare, WrapsLikeTheRingAtTheEdgeOfTheIntegers) {
  SeededRngForTests rng(3);
  ASSERT_OK_AND_ASSIGN(const NoiseShare share, NoiseShare::Create(100));
  EXPECT_EQ(share.AddTo(SumOf(std::vector<std::int64_t>(50, INT64_MAX)), rng).integers().size(),
            50u);  // no undefined overflow
}

TEST(NoiseShare, WithoutPrivacyAddsNothingAndSaysSo) {
  SeededRngForTests rng(1);
  const NoiseShare share = NoiseShare::CreateWithoutPrivacy();
  EXPECT_FALSE(share.is_private());
  EXPECT_EQ(share.share_sigma(), 0);
  EXPECT_EQ(share.AddTo(SumOf({5, -7}), rng).integers(), (std::vector<std::int64_t>{5, -7}));
}

}  // namespace
}  // namespace veilsum::dp
