#include "dp/analysis/calibrate.h"

#include <cmath>

#include "tests/support/status_matchers.h"

namespace veilsum::dp {
namespace {

struct Anchor {
  const char* rate;
  std::uint64_t steps;
  double delta, epsilon, sigma_pld, sigma_rdp;
};

// Anchors of the golden values: what another library's RDP and PLD accountants give.
TEST(Calibrate, MeetsThePublishedAnchors) {
  for (const Anchor& anchor :
       {Anchor{"0.01", 1000, 1e-5, 1, 1.4146, 1.5131},
        Anchor{"0.01", 1000, 1e-5, 2, 0.9591, 1.0223},
        Anchor{"0.05", 1000, 1e-6, 2, 3.6523, 3.8955}, Anchor{"1", 1, 1e-5, 1, 3.7306, 4.0454}}) {
    ASSERT_OK_AND_ASSIGN(const Calibration least,
                         LeastNoise(*Epsilon::Create(anchor.epsilon), *Delta::Create(anchor.delta),
                                    *SamplingRate::Parse(anchor.rate), anchor.steps));
    EXPECT_LE(least.epsilon, anchor.epsilon);
    EXPECT_LE(least.noise_multiplier, anchor.sigma_rdp + 1e-4);
    EXPECT_GE(least.noise_multiplier, anchor.sigma_rdp * 0.995);
    EXPECT_GE(least.noise_multiplier, anchor.sigma_pld);
  }
}

TEST(Calibrate, IsTheLeastAndOnTheSafeSide) {
  const double target = 1.5;
  const auto loss = [](double z) {
    return EpsilonOfSchedule({{0.02, z, 500}}, 1e-6, DefaultOrders(), Refine::kBetweenNeighbours)
        .epsilon;
  };
  ASSERT_OK_AND_ASSIGN(const Calibration least, LeastNoise(target, loss));
  EXPECT_LE(loss(least.noise_multiplier), target);
  EXPECT_GT(loss(least.noise_multiplier * (1 - 1e-6)), target);
}

TEST(Calibrate, AnotherQueryCostsNoise) {
  const Epsilon epsilon = *Epsilon::Create(2);
  const Delta delta = *Delta::Create(1e-5);
  const SamplingRate rate = *SamplingRate::Parse("0.1");
  ASSERT_OK_AND_ASSIGN(const Calibration alone, LeastNoise(epsilon, delta, rate, 100));
  ASSERT_OK_AND_ASSIGN(const Calibration together,
                       LeastNoise(epsilon, delta, rate, 100, {{1.0, 10.0, 1}}));
  EXPECT_GT(together.noise_multiplier, alone.noise_multiplier);
  EXPECT_LE(together.epsilon, 2);
}

TEST(Calibrate, RefusesWhatNoNoiseMeets) {
  EXPECT_THAT(LeastNoise(*Epsilon::Create(0.1), *Delta::Create(1e-5), *SamplingRate::Parse("1"), 1,
                         {{1.0, 1.0, 1}}),
              StatusIs(absl::StatusCode::kFailedPrecondition, "no noise multiplier"));
  EXPECT_THAT(LeastNoise(NAN, [](double) { return 0.0; }),
              StatusIs(absl::StatusCode::kInvalidArgument, "epsilon is"));
  EXPECT_THAT(LeastNoise(*Epsilon::Create(1), *Delta::Create(1e-5), *SamplingRate::Parse("1"), 0),
              StatusIs(absl::StatusCode::kInvalidArgument, "steps is 0"));
}

}  // namespace
}  // namespace veilsum::dp
