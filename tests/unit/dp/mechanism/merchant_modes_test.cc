// Merchant mode with adaptive clipping, and local mode: noise against formulas of their own, what
// is sent against its sensitivity.
#include <cmath>
#include <random>

#include "dp/accountant/pld_accountant.h"
#include "dp/analysis/rdp.h"
#include "dp/mechanism/adaptive_clip.h"
#include "dp/mechanism/local_mode.h"
#include "dp/mechanism/noise_share.h"
#include "tests/support/seeded_rng.h"
#include "tests/support/status_matchers.h"

namespace veilsum::dp {
namespace {

// ---- Merchant mode

MerchantModeSpec ThousandMerchants() {
  return {.dimension = 64,
          .scale_log2 = 18,
          .clip = {.initial = 1, .expected_merchants = 1000},
          .cohort = {1000, 900, 100},
          .rounds_max = 50,
          .epsilon = 4,
          .delta = 1e-6};
}

std::vector<std::int64_t> Opened(absl::StatusOr<ClippedSum> sum) {
  EXPECT_OK(sum);
  SeededRngForTests rng(1);
  return NoiseShare::CreateWithoutPrivacy().AddTo(*std::move(sum), rng).integers();
}

TEST(MerchantMode, DP20_NoiseIsThatOfBothQueriesTogether) {
  for (const double bit_noise : {0.0, 5.0, 1000.0})
    for (const AccountantKind kind : {AccountantKind::kRdp, AccountantKind::kPld}) {
      MerchantModeSpec spec = ThousandMerchants();
      spec.clip.bit_noise = bit_noise;
      spec.accountant = kind;
      ASSERT_OK_AND_ASSIGN(const MerchantModeNoise noise, CalibrateMerchantMode(spec));
      const double z = noise.sum.noise_multiplier, bit = bit_noise > 0 ? bit_noise : 50;
      // T releases without sampling are one Gaussian: its closed form.
      const double exact = GaussianEpsilon(std::sqrt(50.0) / z, 1e-6);
      EXPECT_LE(exact, 4);
      EXPECT_GE(exact, kind == AccountantKind::kPld ? 3.999 : 3.5);
      EXPECT_GE(noise.statement.epsilon, exact * (1 - 1e-9));
      EXPECT_LE(noise.statement.epsilon, 4);
      // z_update = (z^-2 - (2 sigma_bit)^-2)^(-1/2), but for the rounding of half.
      EXPECT_NEAR(noise.update_noise, 1 / std::sqrt(1 / (z * z) - 1 / (4 * bit * bit)),
                  1e-4 * noise.update_noise);
      EXPECT_GE(noise.sum.noise_sigma / (2.0 * static_cast<double>(noise.grid.half)), bit);
      EXPECT_NEAR(noise.sum.noise_sigma, noise.sum.share_sigma * std::sqrt(800), 1e-6);
      EXPECT_LT(noise.statement.epsilon_coordinator, noise.statement.epsilon);
      EXPECT_GT(noise.statement.epsilon_all_others, noise.statement.epsilon);
    }
}

// As a run states it: a merchant against none is the claim, a customer may turn one update into any
// other, and blocks, which are about customers, pay for that.
TEST(MerchantMode, DP20_ACustomerIsChargedForTwiceTheSensitivity) {
  MerchantModeSpec spec = ThousandMerchants();
  spec.accountant = AccountantKind::kPld;
  ASSERT_OK_AND_ASSIGN(const MerchantModeNoise noise, CalibrateMerchantMode(spec));
  const double z = noise.sum.noise_multiplier;
  const auto exact = [&](double multiplier) {
    return GaussianEpsilon(std::sqrt(50.0) / multiplier, 1e-6);
  };
  EXPECT_NEAR(noise.statement.epsilon, exact(z), 1e-3);
  EXPECT_NEAR(noise.statement.epsilon_customer, exact(z / 2), 1e-3);
  EXPECT_NEAR(noise.statement.epsilon_person[0], exact(z / 4), 1e-2);
  EXPECT_LT(noise.statement.epsilon_customer, 4 * noise.statement.epsilon);
  EXPECT_GE(noise.statement.epsilon_filter, noise.statement.epsilon_customer);
}

RunPrivacyInput MerchantRun() {
  const MerchantModeSpec spec = ThousandMerchants();
  return {.epsilon = spec.epsilon,
          .delta = spec.delta,
          .cohort = spec.cohort,
          .training = {.grid = {spec.dimension, spec.scale_log2, 1.0, 1, 1},
                       .sampling_rate = *Rational::Create(1, 1),
                       .attempts_max = spec.rounds_max,
                       .users_in_round_max = 0,
                       .merchant = spec.clip},
          .statistics = std::nullopt};
}

TEST(MerchantMode, DP20_EveryMemberRecomputesItsNumbers) {
  const RunPrivacyInput input = MerchantRun();
  ASSERT_OK_AND_ASSIGN(const RunPrivacy run, CalibrateRun(input));
  ASSERT_OK_AND_ASSIGN(const PrivacyStatement kept, VerifyRun(input, {run.training}));
  EXPECT_EQ(kept.epsilon, run.statement.epsilon);
  EXPECT_EQ(kept.epsilon_customer, run.statement.epsilon_customer);
  const double z = run.training.noise_multiplier;
  const std::vector<PricedAttempts> prices = PricesOfTraining(input, run.training, 8);
  ASSERT_EQ(prices.size(), 1);
  EXPECT_EQ(prices[0].attempts, 50);
  EXPECT_NEAR(prices[0].per_attempt.rdp, 8 / (2 * (z / 2) * (z / 2)), 1e-9);

  ClaimedNoise claimed{run.training};  // the update's sensitivity alone: the bit is forgotten
  claimed.training.sensitivity = *TrainingSensitivity(input.training.grid);
  EXPECT_THAT(VerifyRun(input, claimed),
              StatusIs(absl::StatusCode::kPermissionDenied, "sensitivity is"));
  claimed = {run.training};
  claimed.training.noise_sigma *= .99;
  claimed.training.share_sigma *= .99;
  claimed.training.noise_multiplier *= .99;
  EXPECT_THAT(VerifyRun(input, claimed), StatusIs(absl::StatusCode::kPermissionDenied, ""));
}

// The claim of a merchant may be finite where that of its customers is not: nobody could approve
// it.
TEST(MerchantMode, DP20_RefusesWhereACustomerHasNoClaim) {
  for (const AccountantKind kind : {AccountantKind::kRdp, AccountantKind::kPld}) {
    RunPrivacyInput input = MerchantRun();
    input.accountant = kind;
    input.epsilon = 8;
    ASSERT_OK_AND_ASSIGN(const RunPrivacy run, CalibrateRun(input));
    EXPECT_LT(run.statement.epsilon_customer, 4 * run.statement.epsilon);
    input.epsilon = 20;
    EXPECT_THAT(CalibrateRun(input), StatusIs(kInvalid, "no finite epsilon of a customer"));
  }
}

TEST(MerchantMode, DP20_NobodyIsSampled) {
  RunPrivacyInput input = MerchantRun();
  input.training.sampling_rate = *Rational::Create(1, 2);
  EXPECT_THAT(CalibrateRun(input), StatusIs(kInvalid, "sampling_rate is 0.5"));
  input = MerchantRun();
  input.training.grid.clip_norm = 2;
  EXPECT_THAT(CalibrateRun(input), StatusIs(kInvalid, "clip_norm is 2"));
}

// Steps at home change the model that nobody sees; what leaves is the clipped difference.
TEST(MerchantMode, ARoundLeavesAsItsClippedUpdate) {
  const MerchantGrid grid{4, 10, 32};
  MerchantRound round(std::vector<float>{1, 1, 1, 1}, {.step_size = 1});
  const auto sum = [](std::vector<std::int64_t> numbers) {
    return ClippedSum::FromCertifiedContributions(std::move(numbers));
  };
  ASSERT_OK(round.Step(sum({-3, 0, 0, 0})));
  ASSERT_OK(round.Step(sum({0, 4, 0, 0})));
  EXPECT_EQ(round.parameters(), (std::vector<float>{4, -3, 1, 1}));
  const std::vector<std::int64_t> clipped = Opened(round.Update(1, grid));
  EXPECT_NEAR(clipped[0], .6 * 1024, 1);
  EXPECT_NEAR(clipped[1], -.8 * 1024, 1);
  EXPECT_EQ(clipped[4], -32);
  EXPECT_EQ(Opened(round.Update(10, grid)), (std::vector<std::int64_t>{307, -410, 0, 0, 32}));
  EXPECT_THAT(round.Step(sum({1})), StatusIs(kInvalid, "sum has 1 numbers"));
  MerchantRound spoilt(std::vector<float>(4), {.step_size = NAN});
  EXPECT_THAT(spoilt.Step(sum({1, 1, 1, 1})), StatusIs(kInvalid, "step_size is nan"));
  EXPECT_THAT(round.Update(-1, grid), StatusIs(kInvalid, "clip is -1"));
}

// From nothing to any update whatever: no further than D2, and as far as that.
TEST(MerchantMode, DP20_AMerchantMovesTheSumByAtMostItsSensitivity) {
  MerchantModeSpec spec = ThousandMerchants();
  spec.clip.bit_noise = 8;  // the bit weighs as much as it may
  ASSERT_OK_AND_ASSIGN(const MerchantModeNoise noise, CalibrateMerchantMode(spec));
  std::mt19937_64 random(5);
  std::normal_distribution<float> normal;
  double reached = 0;
  for (int i = 0; i < 400; ++i) {
    std::vector<float> update(64);
    const float size = std::exp(8 * normal(random));
    for (float& x : update) x = i % 7 == 0 ? size : size * normal(random);
    if (i % 50 == 1) update[3] = std::numeric_limits<float>::quiet_NaN();
    if (i % 50 == 2) update[3] = std::numeric_limits<float>::infinity();
    if (i % 50 == 3) update.assign(64, std::numeric_limits<float>::max());
    if (i % 50 == 4) update.assign(64, std::numeric_limits<float>::denorm_min());
    double square = 0;
    for (const std::int64_t x : Opened(EncodeMerchantUpdate(update, .37, noise.grid)))
      square += static_cast<double>(x) * static_cast<double>(x);
    EXPECT_LE(std::sqrt(square), noise.sum.sensitivity) << i;
    reached = std::max(reached, std::sqrt(square) / noise.sum.sensitivity);
  }
  EXPECT_GT(reached, .999);
}

TEST(MerchantMode, UpdatesComeBackInTheirUnitsAndBitsAsAShare) {
  const MerchantModeSpec spec = ThousandMerchants();
  ASSERT_OK_AND_ASSIGN(const MerchantModeNoise noise, CalibrateMerchantMode(spec));
  std::vector<std::int64_t> sum(65);
  for (int i = 0; i < 1000; ++i) {
    std::vector<float> update(64);
    update[0] = i < 300 ? 4.0f : .25f;  // norms 4, clipped to 2, and 0.25
    const auto sent = Opened(EncodeMerchantUpdate(update, 2, noise.grid));
    for (std::size_t j = 0; j < sum.size(); ++j) sum[j] += sent[j];
  }
  ASSERT_OK_AND_ASSIGN(const MerchantModeStep step,
                       DecodeMerchantStep(sum, 2, spec.clip, noise.grid));
  EXPECT_NEAR(step.mean_update[0], .3 * 2 + .7 * .25, 1e-5);
  EXPECT_NEAR(step.mean_update[1], 0, 1e-5);
  EXPECT_NEAR(step.unclipped, .7, 1e-9);
  EXPECT_NEAR(step.next_clip, 2 * std::exp(-.2 * (.7 - .5)), 1e-9);
}

// A clip norm that starts a thousandfold too large or too small ends at the quantile of the norms,
// noise and all.
TEST(MerchantMode, TheClipNormFindsTheQuantile) {
  MerchantModeSpec spec = ThousandMerchants();
  spec.dimension = 8;
  ASSERT_OK_AND_ASSIGN(const MerchantModeNoise noise, CalibrateMerchantMode(spec));
  ASSERT_OK_AND_ASSIGN(const NoiseShare whole, NoiseShare::Create(noise.sum.noise_sigma));
  SeededRngForTests rng(8);
  std::mt19937_64 random(6);
  std::lognormal_distribution<double> norm(std::log(.01), .5);
  for (const double initial : {10.0, 1e-5}) {
    double clip = initial;
    for (int round = 0; round < 120; ++round) {
      std::vector<std::int64_t> sum(9);
      for (int i = 0; i < 1000; ++i) {
        std::vector<float> update(8);
        update[i % 8] = static_cast<float>(norm(random));
        const auto sent = Opened(EncodeMerchantUpdate(update, clip, noise.grid));
        for (std::size_t j = 0; j < sum.size(); ++j) sum[j] += sent[j];
      }
      const auto noisy =
          whole.AddTo(ClippedSum::FromCertifiedContributions(std::move(sum)), rng).integers();
      clip = DecodeMerchantStep(noisy, clip, spec.clip, noise.grid)->next_clip;
    }
    EXPECT_GT(clip, .007) << initial;
    EXPECT_LT(clip, .014) << initial;
  }
}

TEST(MerchantMode, RefusesByNameAndBound) {
  const auto refused = [](const std::function<void(MerchantModeSpec&)>& spoil,
                          std::string_view field) {
    MerchantModeSpec spec = ThousandMerchants();
    spoil(spec);
    EXPECT_THAT(CalibrateMerchantMode(spec), StatusIs(kInvalid, std::string(field)));
  };
  refused([](auto& s) { s.clip.initial = 0; }, "clip.initial is 0");
  refused([](auto& s) { s.clip.rate = NAN; }, "clip.rate is nan");
  refused([](auto& s) { s.clip.quantile = 1; }, "clip.quantile is 1");
  refused([](auto& s) { s.clip.expected_merchants = 0; }, "clip.expected_merchants is 0");
  refused([](auto& s) { s.clip.bit_noise = -1; }, "clip.bit_noise is -1");
  refused([](auto& s) { s.clip.bit_noise = .1; }, "clip.bit_noise is 0.1, must be above half");
  refused([](auto& s) { s.clip.expected_merchants = 20; }, "the count alone tells more");
  refused([](auto& s) { s.dimension = 0; }, "dimension is 0");
  refused([](auto& s) { s.scale_log2 = 4; }, "DP-02");
  refused([](auto& s) { s.epsilon = 0; }, "epsilon is 0");
  refused([](auto& s) { s.delta = 1; }, "delta is 1");
  refused([](auto& s) { s.rounds_max = 0; }, "attempts_max is 0");
  refused([](auto& s) { s.cohort.colluders = 900; }, "colluders is 900");
  refused([](auto& s) { s.ring_bits = 24; }, "DP-10");
  const MerchantModeSpec spec = ThousandMerchants();
  const MerchantModeNoise noise = *CalibrateMerchantMode(spec);
  const std::vector<float> update(64), wrong(63);
  EXPECT_THAT(EncodeMerchantUpdate(wrong, 1, noise.grid), StatusIs(kInvalid, "update has 63"));
  EXPECT_THAT(EncodeMerchantUpdate(update, 0, noise.grid), StatusIs(kInvalid, "clip is 0"));
  EXPECT_THAT(DecodeMerchantStep(std::vector<std::int64_t>(64), 1, spec.clip, noise.grid),
              StatusIs(kInvalid, "sum has 64"));
}

// ---- Local mode

LocalModeSpec FiveLocalSteps() {
  return {.grid = {1000, 20, 1.0, 200, 1},
          .sampling_rate = *Rational::Parse("1/20"),
          .local_steps = 5,
          .rounds_max = 60,
          .epsilon = 3,
          .delta = 1e-5};
}

TEST(LocalMode, SE13_EveryLocalStepIsDpSgdWithAllTheNoise) {
  const LocalModeSpec spec = FiveLocalSteps();
  ASSERT_OK_AND_ASSIGN(const LocalModeNoise noise, CalibrateLocalMode(spec));
  EXPECT_EQ(noise.sum.share_sigma, noise.sum.noise_sigma);
  EXPECT_NEAR(noise.sum.sensitivity, *TrainingSensitivity(spec.grid), 1e-6);
  // The accountants on 300 steps, not 60.
  const double z = noise.sum.noise_multiplier;
  EXPECT_NEAR(
      noise.epsilon,
      EpsilonOfSchedule({{.05, z, 300}}, 1e-5, DefaultOrders(), Refine::kBetweenNeighbours).epsilon,
      1e-5);
  EXPECT_LE(noise.epsilon, 3);
  EXPECT_GE(noise.epsilon, 2.9999);
  EXPECT_EQ(noise.epsilon_rdp, noise.epsilon);
  const AttemptCharge round = noise.charge_of_round(spec, 8);
  EXPECT_NEAR(round.rdp, 5 * RdpAtOrder(.05, z, 8), 1e-12);
  EXPECT_GT(round.linear, 0);
}

TEST(LocalMode, TheUpdateIsTheClampedDifference) {
  SeededRngForTests rng(2);
  const std::vector<float> start = {1, 2, 3, 4};
  LocalRound round(start, {.step_size = 1.0 / (1 << 10)});
  const auto noised = NoiseShare::CreateWithoutPrivacy().AddTo(
      ClippedSum::FromCertifiedContributions({1 << 10, -(1 << 10), 0, 1 << 20}), rng);
  ASSERT_OK(round.Step(noised));
  EXPECT_EQ(round.parameters(), (std::vector<float>{0, 3, 3, -1020}));
  ASSERT_OK_AND_ASSIGN(const NoisedVector update, round.Update(2, 8));
  EXPECT_EQ(update.integers(), (std::vector<std::int64_t>{-256, 256, 0, -512}));
  // Infinities and NaN stay inside the clamp.
  LocalRound far(start, {.learning_rate = 1e300, .step_size = 1e300, .penalty = {.proximal = 1}});
  ASSERT_OK(far.Step(noised));
  ASSERT_OK(far.Step(noised));
  ASSERT_OK_AND_ASSIGN(const NoisedVector wild, far.Update(2, 8));
  for (const std::int64_t x : wild.integers()) EXPECT_LE(std::abs(x), 512);
}

TEST(LocalMode, RefusesByNameAndBound) {
  const auto refused = [](const std::function<void(LocalModeSpec&)>& spoil,
                          std::string_view field) {
    LocalModeSpec spec = FiveLocalSteps();
    spoil(spec);
    EXPECT_THAT(CalibrateLocalMode(spec), StatusIs(kInvalid, std::string(field)));
  };
  refused([](auto& s) { s.local_steps = 0; }, "local_steps is 0");
  refused([](auto& s) { s.rounds_max = 0; }, "rounds_max is 0");
  refused([](auto& s) { s.epsilon = INFINITY; }, "epsilon is inf");
  refused([](auto& s) { s.epsilon = NAN; }, "epsilon is nan");
  refused([](auto& s) { s.delta = 0; }, "delta is 0");
  refused([](auto& s) { s.sampling_rate = *Rational::Parse("3/2"); }, "sampling_rate is 3/2");
  refused([](auto& s) { s.grid.clip_norm = 0; }, "clip_norm is 0");
  LocalRound round(std::vector<float>(3), {.step_size = 1});
  SeededRngForTests rng(2);
  const auto noised =
      NoiseShare::CreateWithoutPrivacy().AddTo(ClippedSum::FromCertifiedContributions({1, 2}), rng);
  EXPECT_THAT(round.Step(noised), StatusIs(kInvalid, "sum has 2 numbers, must have 3"));
  EXPECT_THAT(round.Update(0, 8), StatusIs(kInvalid, "clamp times scale is 0"));
  EXPECT_THAT(round.Update(1, 80), StatusIs(kInvalid, "at most 2^62"));
}

}  // namespace
}  // namespace veilsum::dp
