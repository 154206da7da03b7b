#include "dp/accountant/rdp_accountant.h"

#include <cmath>

#include "tests/support/status_matchers.h"

namespace veilsum::dp {
namespace {

const Delta kDelta = *Delta::Create(1e-6);

double LossOf(const PrivacySchedule& schedule,
              RdpAccountant::Noise noise = RdpAccountant::Noise::kContinuous) {
  RdpAccountant accountant(noise);
  for (const PrivacyEvent& event : schedule) EXPECT_OK(accountant.Compose(event));
  return accountant.LossAt(kDelta)->epsilon;
}

TEST(RdpAccountant, NothingCostsNothing) {
  const auto loss = RdpAccountant().LossAt(kDelta);
  ASSERT_OK(loss);
  EXPECT_EQ(loss->epsilon, 0);
  EXPECT_FALSE(loss->order.has_value());
  EXPECT_EQ(LossOf({{0.1, 1.0, 0}}), 0);
}

// Golden row: the Gaussian of multiplier 1 at delta 1e-6 (order 5.9 of the list; refined orders are
// at most 1e-3 better).
TEST(RdpAccountant, AnswersTheGaussian) {
  EXPECT_LE(LossOf({{1.0, 1.0, 1}}), 5.221539631 + 1e-6);
  EXPECT_GE(LossOf({{1.0, 1.0, 1}}), 5.2205);
}

TEST(RdpAccountant, IntegerNoiseUsesIntegerOrdersOnly) {
  RdpAccountant accountant(RdpAccountant::Noise::kInteger);
  ASSERT_OK(accountant.Compose({1.0, 1.0, 1}));
  const auto loss = accountant.LossAt(kDelta);
  EXPECT_NEAR(loss->epsilon, 5.222428661, 1e-6);  // golden row sigma^2 = 1024, D2 = 32
  EXPECT_EQ(*loss->order, 6);
}

TEST(RdpAccountant, OrderOfEventsDoesNotMatter) {
  EXPECT_NEAR(LossOf({{0.01, 1, 500}, {0.05, 2, 250}, {1, 20, 3}}),
              LossOf({{1, 20, 3}, {0.05, 2, 250}, {0.01, 1, 500}}), 1e-9);
  EXPECT_NEAR(LossOf({{0.01, 1, 300}, {0.01, 1, 700}}), LossOf({{0.01, 1, 1000}}), 1e-9);
}

TEST(RdpAccountant, IsNeverBelowTheReviewsPldOfMixedBlocks) {
  EXPECT_GE(LossOf({{0.01, 1, 500}, {0.05, 2, 250}}), 2.507538);
  EXPECT_GE(LossOf({{0.01, 1, 1100}}), 2.2193);
}

TEST(RdpAccountant, IsMonotone) {
  EXPECT_LT(LossOf({{0.01, 1, 100}}), LossOf({{0.01, 1, 101}}));
  EXPECT_LT(LossOf({{0.01, 1, 100}}), LossOf({{0.011, 1, 100}}));
  EXPECT_LT(LossOf({{0.01, 1.01, 100}}), LossOf({{0.01, 1, 100}}));
}

TEST(RdpAccountant, AddsNothingOnError) {
  RdpAccountant accountant;
  EXPECT_THAT(accountant.Compose({2.0, 1.0, 1}),
              StatusIs(absl::StatusCode::kInvalidArgument, "sampling_rate is 2"));
  EXPECT_THAT(accountant.Compose({0.1, NAN, 1}),
              StatusIs(absl::StatusCode::kInvalidArgument, "noise_multiplier is nan"));
  EXPECT_EQ(accountant.LossAt(kDelta)->epsilon, 0);
}

}  // namespace
}  // namespace veilsum::dp
