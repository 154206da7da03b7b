#include "dp/params.h"

#include <cmath>
#include <limits>

#include "dp/event.h"
#include "tests/support/status_matchers.h"

namespace veilsum::dp {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

TEST(Params, RefuseWhatHasNoMeaning) {
  for (const double bad : {0.0, -1.0, kNan, kInf, -kInf}) {
    EXPECT_THAT(Epsilon::Create(bad), StatusIs(kInvalid, "epsilon is"));
    EXPECT_THAT(NoiseMultiplier::Create(bad), StatusIs(kInvalid, "noise_multiplier is"));
    EXPECT_THAT(ClipNorm::Create(bad), StatusIs(kInvalid, "clip_norm is"));
  }
  for (const double bad : {0.0, -1e-5, 1.0, 2.0, 9e-16, kNan, kInf})
    EXPECT_THAT(Delta::Create(bad), StatusIs(kInvalid, "delta is"));
  for (const std::string_view bad : {"0", "3/2", "2", "x", "", "-1/2", "1/0", "nan"})
    EXPECT_THAT(SamplingRate::Parse(bad), StatusIs(kInvalid, "sampling_rate")) << bad;
}

TEST(Params, EventsAreValidated) {
  EXPECT_OK(ValidateEvent({1.0, 0.5, 0}));
  for (const double bad : {0.0, -0.1, 1.0000001, kNan})
    EXPECT_THAT(ValidateEvent({bad, 1, 1}), StatusIs(kInvalid, "sampling_rate is"));
  EXPECT_THAT(ValidateEvent({0.1, kNan, 1}), StatusIs(kInvalid, "noise_multiplier is"));
}

// DP-01, DP-05: the threshold is the rate rounded down to 2^-64.
TEST(SamplingRate, ThresholdIsExact) {
  EXPECT_EQ(SamplingRate::Parse("1")->last_word(), ~std::uint64_t{0});
  EXPECT_EQ(SamplingRate::Parse("1/2")->last_word(), (std::uint64_t{1} << 63) - 1);
  EXPECT_EQ(SamplingRate::Parse("1/3")->last_word(), 0x5555555555555554ULL);
  ASSERT_OK_AND_ASSIGN(const Rational least,
                       Rational::Create(1, ~std::uint64_t{0}));  // just above 2^-64
  EXPECT_EQ(SamplingRate::Create(least)->last_word(), 0u);
}

}  // namespace
}  // namespace veilsum::dp
