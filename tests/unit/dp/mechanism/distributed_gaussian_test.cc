#include "dp/mechanism/distributed_gaussian.h"

#include <cmath>
#include <limits>

#include "dp/analysis/rdp.h"
#include "dp/ledger/budget_filter.h"
#include "dp/mechanism/band_matrix.h"
#include "tests/support/status_matchers.h"

namespace veilsum::dp {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr auto kDenied = absl::StatusCode::kPermissionDenied;

RunPrivacyInput Shops() {
  return {.epsilon = 3,
          .delta = 1e-5,
          .statistics_share = 0.2,
          .cohort = {.members = 9, .min_survivors = 8, .colluders = 1},
          .training = {.grid = {.dimension = 20000,
                                .scale_log2 = 20,
                                .clip_norm = 1,
                                .users_per_sum = 300,
                                .rows_per_user = 1},
                       .sampling_rate = *Rational::Parse("1/10"),
                       .attempts_max = 640,
                       .users_in_round_max = 1600},
          .statistics = StatisticsSumSpec{.grid = {.features = 17, .scale_log2 = 20, .users = 2048},
                                          .attempts_max = 1,
                                          .users_in_round_max = 0}};
}

RunPrivacyInput ShopsWithoutStatistics() {
  RunPrivacyInput input = Shops();
  input.statistics.reset();
  return input;
}

TEST(CalibrateRun, MeetsTheClaimTightly) {
  ASSERT_OK_AND_ASSIGN(const RunPrivacy run, CalibrateRun(Shops()));
  EXPECT_TRUE(run.is_private);
  EXPECT_LE(run.statement.epsilon, 3);
  EXPECT_GE(run.statement.epsilon, 3 * (1 - 1e-5));
  EXPECT_LE(run.statement.statistics_epsilon, 0.6);
  EXPECT_GE(run.statement.statistics_epsilon, 0.6 * (1 - 1e-5));
  EXPECT_LE(run.statement.delta_slack, 1e-7);
  EXPECT_GT(run.statement.delta_slack, 0);
}

// Recomputed from the definitions: the published epsilon is RDP of statistics and training at
// z_eff, at delta less the slack.
TEST(CalibrateRun, PublishesWhatItsSigmasGive) {
  ASSERT_OK_AND_ASSIGN(const RunPrivacy run, CalibrateRun(Shops()));
  const auto effective = [](const SumNoise& noise) {
    return std::sqrt(noise.noise_sigma * noise.noise_sigma - 1.0 / 12) / noise.sensitivity;
  };
  EXPECT_NEAR(effective(run.training), run.training.noise_multiplier, 1e-9);
  EXPECT_NEAR(run.training.share_sigma * std::sqrt(7.0), run.training.noise_sigma, 1e-6);
  const PrivacySchedule schedule = {{0.1, effective(run.training), 640},
                                    {1, effective(*run.statistics), 1}};
  const double epsilon = EpsilonOfSchedule(schedule, 1e-5 - run.statement.delta_slack,
                                           DefaultOrders(), Refine::kBetweenNeighbours)
                             .epsilon;
  EXPECT_NEAR(run.statement.epsilon, epsilon, 1e-9);
}

// Lemma L8 over both sums: a person at m merchants moves each by up to m times the sensitivity.
TEST(CalibrateRun, DP16_APersonIsStatedAsTheMixtureGivesIt) {
  ASSERT_OK_AND_ASSIGN(const RunPrivacy run, CalibrateRun(Shops()));
  for (const unsigned m : {2u, 3u}) {
    const PrivacySchedule schedule = {
        {0.1, run.training.noise_multiplier, 640, NoiseKind::kGaussian, m},
        {1, run.statistics->noise_multiplier, 1, NoiseKind::kGaussian, m}};
    const double epsilon =
        EpsilonOfSchedule(schedule, 1e-5, DefaultOrders(), Refine::kBetweenNeighbours).epsilon;
    EXPECT_GE(run.statement.epsilon_person[m - 2], epsilon * (1 - 1e-9)) << m;
    EXPECT_LE(run.statement.epsilon_person[m - 2], epsilon * 1.02) << m << ": slack only adds";
  }
}

TEST(CalibrateRun, OrdersItsAdversaries) {
  ASSERT_OK_AND_ASSIGN(const RunPrivacy run, CalibrateRun(Shops()));
  const PrivacyStatement& s = run.statement;
  EXPECT_LT(s.epsilon_coordinator, s.epsilon);
  EXPECT_EQ(s.epsilon_outsider, s.epsilon_coordinator);
  EXPECT_GT(s.epsilon_all_others, s.epsilon);
  EXPECT_GT(s.epsilon_person[0], s.epsilon);
  EXPECT_GT(s.epsilon_person[1], s.epsilon_person[0]);
  EXPECT_GE(s.epsilon_filter, s.epsilon * 0.999);
  EXPECT_LE(s.epsilon_filter, s.epsilon * 1.2);
}

TEST(CalibrateRun, LeavesAllTheBudgetToTrainingWithoutStatistics) {
  ASSERT_OK_AND_ASSIGN(const RunPrivacy with, CalibrateRun(Shops()));
  ASSERT_OK_AND_ASSIGN(const RunPrivacy without, CalibrateRun(ShopsWithoutStatistics()));
  EXPECT_LT(without.training.noise_multiplier, with.training.noise_multiplier);
  EXPECT_FALSE(without.statistics.has_value());
  EXPECT_EQ(without.statement.statistics_epsilon, 0);
  EXPECT_NEAR(without.statement.epsilon, 3, 1e-4);
}

RunPrivacyInput WithEvaluation(double share, std::uint64_t attempts) {
  RunPrivacyInput input = ShopsWithoutStatistics();
  input.evaluation = EvaluationSumSpec{.grid = {.bins = 32, .scale_log2 = 20},
                                       .share = share,
                                       .attempts_max = attempts,
                                       .users_in_round_max = 20000};
  return input;
}

// SE-11: disjoint customers, so the claims compose by maximum, and training has what it had.
TEST(CalibrateRun, EvaluationTakesNothingFromTraining) {
  ASSERT_OK_AND_ASSIGN(const RunPrivacy without, CalibrateRun(ShopsWithoutStatistics()));
  ASSERT_OK_AND_ASSIGN(const RunPrivacy full, CalibrateRun(WithEvaluation(1, 1)));
  EXPECT_EQ(full.training.noise_multiplier, without.training.noise_multiplier);
  EXPECT_LE(full.statement.epsilon, 3);
  EXPECT_GE(full.statement.epsilon, without.statement.epsilon);
  EXPECT_NEAR(full.statement.evaluation_epsilon, 3, 3e-4);
  EXPECT_EQ(full.evaluation->sensitivity, 0x1p20);
  EXPECT_EQ(without.statement.evaluation_epsilon, 0);
  ASSERT_OK_AND_ASSIGN(const RunPrivacy half, CalibrateRun(WithEvaluation(0.5, 2)));
  EXPECT_NEAR(half.statement.evaluation_epsilon, 1.5, 3e-4);
  EXPECT_GT(half.evaluation->noise_multiplier, 2 * full.evaluation->noise_multiplier);
  // A person who trains at one merchant and is held out at another loses more than at one.
  EXPECT_GE(full.statement.epsilon_person[0], without.statement.epsilon_person[0]);
  ASSERT_OK_AND_ASSIGN(BudgetFilter filter,
                       BudgetFilter::Create({full.statement.evaluation_filter, 1e-5,
                                             full.statement.evaluation_filter_order}));
  const AttemptCharge charge = ChargeOfEvaluationAttempt(WithEvaluation(1, 1), *full.evaluation,
                                                         full.statement.evaluation_filter_order);
  EXPECT_OK(filter.Apply(Reserve{"evaluation", charge, 1}));
  EXPECT_THAT(filter.Apply(Reserve{"more", charge, 1}),
              StatusIs(absl::StatusCode::kResourceExhausted, "more"));
}

TEST(CalibrateRun, MeterTakesTheLargerOfBothBlocks) {
  const RunPrivacyInput input = WithEvaluation(0.5, 1);
  ASSERT_OK_AND_ASSIGN(const RunPrivacy run, CalibrateRun(input));
  ASSERT_OK_AND_ASSIGN(const EpsilonMeter meter, EpsilonMeter::Create(input, run));
  EXPECT_EQ(meter.After(0, 0, 0), 0);
  EXPECT_NEAR(meter.After(0, 0, 1), 1.5, 2e-3);
  EXPECT_EQ(meter.After(0, 640, 1), meter.After(0, 640));
  EXPECT_EQ(meter.After(0, 1, 1), meter.After(0, 0, 1));
}

TEST(CalibrateRun, RefusesAnEvaluationWithoutMeaning) {
  EXPECT_THAT(CalibrateRun(WithEvaluation(0, 1)), StatusIs(kInvalid, "evaluation share is 0"));
  EXPECT_THAT(CalibrateRun(WithEvaluation(1.5, 1)), StatusIs(kInvalid, "evaluation share is 1.5"));
  EXPECT_THAT(CalibrateRun(WithEvaluation(1, 0)), StatusIs(kInvalid, "evaluation attempts_max"));
  RunPrivacyInput input = WithEvaluation(1, 1);
  input.evaluation->grid.bins = 1;
  EXPECT_THAT(CalibrateRun(input), StatusIs(kInvalid, "bins is 1"));
  input = WithEvaluation(1, 1);
  input.evaluation->ring_bits = 32;
  EXPECT_THAT(CalibrateRun(input), StatusIs(kInvalid, "evaluation sum needs"));
}

TEST(CalibrateRun, MoreColludersMeanLargerShares) {
  RunPrivacyInput input = ShopsWithoutStatistics();
  ASSERT_OK_AND_ASSIGN(const RunPrivacy one, CalibrateRun(input));
  input.cohort.colluders = 3;
  ASSERT_OK_AND_ASSIGN(const RunPrivacy three, CalibrateRun(input));
  EXPECT_NEAR(three.training.noise_sigma, one.training.noise_sigma, 1);
  EXPECT_NEAR(three.training.share_sigma / one.training.share_sigma, std::sqrt(7.0 / 5), 1e-6);
}

TEST(CalibrateRun, AtAllButOneColludersOneShareIsAllTheNoise) {
  RunPrivacyInput input = ShopsWithoutStatistics();
  input.cohort = {.members = 3, .min_survivors = 3, .colluders = 2};
  ASSERT_OK_AND_ASSIGN(const RunPrivacy run, CalibrateRun(input));
  EXPECT_EQ(run.training.share_sigma, run.training.noise_sigma);
  EXPECT_NEAR(run.statement.epsilon_all_others, run.statement.epsilon, 1e-9);
}

TEST(CalibrateRun, SmallestFilterBudgetAdmitsTheRun) {
  const RunPrivacyInput input = Shops();
  ASSERT_OK_AND_ASSIGN(const RunPrivacy run, CalibrateRun(input));
  const std::uint32_t order = run.statement.filter_order;
  ASSERT_OK_AND_ASSIGN(BudgetFilter filter,
                       BudgetFilter::Create({run.statement.epsilon_filter, input.delta, order}));
  EXPECT_OK(filter.Apply(
      Reserve{"statistics", ChargeOfStatisticsAttempt(input, *run.statistics, order), 1}));
  EXPECT_OK(
      filter.Apply(Reserve{"training", ChargeOfTrainingAttempt(input, run.training, order), 640}));
  EXPECT_THAT(filter.Apply(Reserve{"more", ChargeOfTrainingAttempt(input, run.training, order), 1}),
              StatusIs(absl::StatusCode::kResourceExhausted, "more"));
}

struct Refusal {
  const char* message;
  void (*change)(RunPrivacyInput&);
};

TEST(CalibrateRun, RefusesWhatHasNoMeaningByName) {
  const Refusal refusals[] = {
      {"epsilon is 0", [](RunPrivacyInput& i) { i.epsilon = 0; }},
      {"epsilon is -1", [](RunPrivacyInput& i) { i.epsilon = -1; }},
      {"epsilon is nan", [](RunPrivacyInput& i) { i.epsilon = NAN; }},
      {"delta is 1,", [](RunPrivacyInput& i) { i.delta = 1; }},
      {"delta is 0,", [](RunPrivacyInput& i) { i.delta = 0; }},
      {"delta is nan", [](RunPrivacyInput& i) { i.delta = NAN; }},
      {"statistics_share is 1,", [](RunPrivacyInput& i) { i.statistics_share = 1; }},
      {"statistics_share is nan", [](RunPrivacyInput& i) { i.statistics_share = NAN; }},
      {"min_survivors is 0", [](RunPrivacyInput& i) { i.cohort.min_survivors = 0; }},
      {"min_survivors is 10", [](RunPrivacyInput& i) { i.cohort.min_survivors = 10; }},
      {"colluders is 8", [](RunPrivacyInput& i) { i.cohort.colluders = 8; }},
      {"sampling_rate is 11/10",
       [](RunPrivacyInput& i) { i.training.sampling_rate = *Rational::Create(11, 10); }},
      {"sampling_rate is 0",
       [](RunPrivacyInput& i) { i.training.sampling_rate = *Rational::Create(0, 10); }},
      {"attempts_max is 0", [](RunPrivacyInput& i) { i.training.attempts_max = 0; }},
      {"attempts_max is 0", [](RunPrivacyInput& i) { i.statistics->attempts_max = 0; }},
      {"ring_bits is 65", [](RunPrivacyInput& i) { i.training.ring_bits = 65; }},
      {"clip_norm is nan", [](RunPrivacyInput& i) { i.training.grid.clip_norm = NAN; }},
      {"DP-02", [](RunPrivacyInput& i) { i.training.grid.scale_log2 = 16; }},
      {"ring_bits = 32 holds", [](RunPrivacyInput& i) { i.training.users_in_round_max = 2048; }},
      {"lower scale_log2 by", [](RunPrivacyInput& i) { i.training.users_in_round_max = 0; }},
  };
  for (const Refusal& refusal : refusals) {
    RunPrivacyInput input = Shops();
    refusal.change(input);
    EXPECT_THAT(CalibrateRun(input), StatusIs(kInvalid, refusal.message));
  }
}

// DP-18: at a tiny delta the padding's overflow alone is more than a hundredth of it. The plan is
// refused rather than claimed.
TEST(CalibrateRun, RefusesAPlanWhoseSlackIsVisibleDP18) {
  RunPrivacyInput input = ShopsWithoutStatistics();
  input.delta = 1e-10;
  EXPECT_THAT(CalibrateRun(input), StatusIs(kInvalid, "delta / 100 = 1e-12 (DP-18)"));
}

// SE-12.
TEST(CalibrateRun, WithoutPrivacyHasNoNoiseAndSaysSo) {
  RunPrivacyInput input = Shops();
  input.epsilon = kInf;
  ASSERT_OK_AND_ASSIGN(const RunPrivacy run, CalibrateRun(input));
  EXPECT_FALSE(run.is_private);
  EXPECT_EQ(run.training.noise_sigma, 0);
  EXPECT_EQ(run.training.share_sigma, 0);
  EXPECT_EQ(run.statistics->share_sigma, 0);
  EXPECT_EQ(run.statement.epsilon, kInf);
  EXPECT_OK(VerifyRun(input, {run.training, run.statistics}));
  input.epsilon = 3;
  EXPECT_THAT(VerifyRun(input, {run.training, run.statistics}),
              StatusIs(kDenied, "must be finite and above 0"));
}

TEST(VerifyRun, AcceptsWhatCalibrationGives) {
  for (const RunPrivacyInput& input : {Shops(), ShopsWithoutStatistics()}) {
    ASSERT_OK_AND_ASSIGN(const RunPrivacy run, CalibrateRun(input));
    ASSERT_OK_AND_ASSIGN(const PrivacyStatement statement,
                         VerifyRun(input, {run.training, run.statistics}));
    EXPECT_NEAR(statement.epsilon, run.statement.epsilon, 1e-8);
    EXPECT_NEAR(statement.epsilon_person[1], run.statement.epsilon_person[1], 1e-6);
    EXPECT_EQ(statement.filter_order, run.statement.filter_order);
  }
}

// A lying coordinator: each number alone, changed in its favour.
TEST(VerifyRun, RefusesEveryNumberThatDoesNotSupportTheClaim) {
  const RunPrivacyInput input = Shops();
  ASSERT_OK_AND_ASSIGN(const RunPrivacy run, CalibrateRun(input));
  const ClaimedNoise honest{run.training, run.statistics};
  ClaimedNoise lie = honest;
  lie.training.share_sigma *= 0.999;
  EXPECT_THAT(VerifyRun(input, lie), StatusIs(kDenied, "training share_sigma"));
  lie = honest;
  lie.training.sensitivity *= 0.999;
  EXPECT_THAT(VerifyRun(input, lie), StatusIs(kDenied, "training sensitivity"));
  lie = honest;
  lie.training.noise_multiplier *= 1.001;
  EXPECT_THAT(VerifyRun(input, lie), StatusIs(kDenied, "training noise_multiplier"));
  lie = honest;
  for (double* number :
       {&lie.training.noise_sigma, &lie.training.share_sigma, &lie.training.noise_multiplier})
    *number *= 0.999;
  EXPECT_THAT(VerifyRun(input, lie), StatusIs(kDenied, "the noise gives epsilon 3.0"));
  lie = honest;
  for (double* number : {&lie.statistics->noise_sigma, &lie.statistics->share_sigma,
                         &lie.statistics->noise_multiplier})
    *number *= 0.9;
  EXPECT_THAT(VerifyRun(input, lie), StatusIs(kDenied, "the noise gives epsilon"));
  lie = honest;
  lie.statistics->share_sigma = NAN;
  EXPECT_THAT(VerifyRun(input, lie), StatusIs(kDenied, "statistics noise holds"));
  lie = honest;
  lie.statistics.reset();
  EXPECT_THAT(VerifyRun(input, lie), StatusIs(kDenied, "statistics is missing"));
}

// The same noise does not support more attempts, a larger rate, more colluders.
TEST(VerifyRun, DP03_RefusesANoiseMultiplierThatIsNotTheNoises) {
  ASSERT_OK_AND_ASSIGN(const RunPrivacy run, CalibrateRun(Shops()));
  for (const double factor : {0.99, 1.01}) {
    ClaimedNoise lie = {run.training, run.statistics};
    lie.training.noise_multiplier *= factor;
    EXPECT_THAT(VerifyRun(Shops(), lie), StatusIs(kDenied, "training noise_multiplier"));
    lie = {run.training, run.statistics};
    lie.statistics->noise_multiplier *= factor;
    EXPECT_THAT(VerifyRun(Shops(), lie), StatusIs(kDenied, "statistics noise_multiplier"));
  }
}

TEST(CalibrateRun, SE08_PrivacyLossAccountingSavesNoise) {
  RunPrivacyInput input = Shops();
  ASSERT_OK_AND_ASSIGN(const RunPrivacy renyi, CalibrateRun(input));
  input.accountant = AccountantKind::kPld;
  ASSERT_OK_AND_ASSIGN(const RunPrivacy run, CalibrateRun(input));
  EXPECT_LE(run.statement.epsilon, 3);
  EXPECT_GE(run.statement.epsilon, 3 * (1 - 1e-4));
  EXPECT_LE(run.statement.statistics_epsilon, 0.6);
  EXPECT_LT(run.training.noise_multiplier, renyi.training.noise_multiplier * 0.98);
  EXPECT_LT(run.statistics->noise_multiplier, renyi.statistics->noise_multiplier * 0.98);
  EXPECT_GT(run.statement.epsilon_rdp, run.statement.epsilon) << "the second number (DP-19)";
  EXPECT_EQ(renyi.statement.epsilon_rdp, renyi.statement.epsilon);
  EXPECT_GE(run.statement.epsilon_filter, run.statement.epsilon) << "the filter is Renyi's";
  EXPECT_LT(run.statement.epsilon_coordinator, run.statement.epsilon);
  EXPECT_GT(run.statement.epsilon_person[1], run.statement.epsilon_person[0]);
  ASSERT_OK_AND_ASSIGN(const PrivacyStatement checked,
                       VerifyRun(input, {run.training, run.statistics}));
  EXPECT_NEAR(checked.epsilon, run.statement.epsilon, 1e-9);
  input.accountant = AccountantKind::kRdp;  // whose number for the same noise is above the claim
  EXPECT_THAT(VerifyRun(input, {run.training, run.statistics}),
              StatusIs(kDenied, "the noise gives epsilon 3."));
}

TEST(VerifyRun, RefusesAPlanThatAsksForMore) {
  const Refusal requests[] = {
      {"epsilon", [](RunPrivacyInput& i) { i.training.attempts_max += 10; }},
      {"epsilon",
       [](RunPrivacyInput& i) { i.training.sampling_rate = *Rational::Parse("11/100"); }},
      {"epsilon", [](RunPrivacyInput& i) { i.delta = 9e-6; }},
      {"epsilon", [](RunPrivacyInput& i) { i.epsilon = 2.99; }},
      {"epsilon", [](RunPrivacyInput& i) { i.statistics->attempts_max = 2; }},
      {"share_sigma", [](RunPrivacyInput& i) { i.cohort.colluders = 2; }},
      {"share_sigma", [](RunPrivacyInput& i) { i.cohort.min_survivors = 7; }},
      {"sensitivity", [](RunPrivacyInput& i) { i.training.grid.clip_norm = 1.01; }},
  };
  ASSERT_OK_AND_ASSIGN(const RunPrivacy run, CalibrateRun(Shops()));
  for (const Refusal& request : requests) {
    RunPrivacyInput input = Shops();
    request.change(input);
    EXPECT_THAT(VerifyRun(input, {run.training, run.statistics}),
                StatusIs(kDenied, request.message));
  }
}

TEST(EpsilonMeter, GrowsToTheClaim) {
  const RunPrivacyInput input = Shops();
  ASSERT_OK_AND_ASSIGN(const RunPrivacy run, CalibrateRun(input));
  ASSERT_OK_AND_ASSIGN(const EpsilonMeter meter, EpsilonMeter::Create(input, run));
  EXPECT_EQ(meter.After(0, 0), 0);
  EXPECT_NEAR(meter.After(1, 0), run.statement.statistics_epsilon, 2e-3);
  double last = 0;
  for (std::uint64_t attempt = 0; attempt <= 640; attempt += 20) {
    EXPECT_GT(meter.After(1, attempt), last);
    last = meter.After(1, attempt);
  }
  EXPECT_NEAR(last, run.statement.epsilon, 1e-3);
  EXPECT_LE(last, run.statement.epsilon);
}

TEST(EpsilonMeter, IsInfiniteWithoutPrivacy) {
  RunPrivacyInput input = Shops();
  input.epsilon = kInf;
  ASSERT_OK_AND_ASSIGN(const RunPrivacy run, CalibrateRun(input));
  EXPECT_EQ(EpsilonMeter::Create(input, run)->After(0, 0), kInf);
}

// ---- Banded runs (DP-15)

RunPrivacyInput Banded(std::uint32_t bands) {
  RunPrivacyInput input = ShopsWithoutStatistics();
  input.training.bands = bands;
  input.training.users_in_round_max = 400;  // rows reach further than steps
  return input;
}

TEST(BandedRun, IsAccountedAsReleasesOfBlocksOfRows) {
  ASSERT_OK_AND_ASSIGN(const RunPrivacy run, CalibrateRun(Banded(8)));
  ASSERT_OK_AND_ASSIGN(const BandMatrix matrix, BandMatrix::Create(8));
  EXPECT_EQ(run.training.sensitivity,
            *BlockSensitivity(matrix, Banded(8).training.grid, kBandGuardBits));
  const PrivacySchedule schedule = {{0.8, run.training.noise_multiplier, 80}};
  const double epsilon = EpsilonOfSchedule(schedule, 1e-5 - run.statement.delta_slack,
                                           DefaultOrders(), Refine::kBetweenNeighbours)
                             .epsilon;
  EXPECT_NEAR(run.statement.epsilon, epsilon, 1e-9);
  EXPECT_LE(run.statement.epsilon, 3);
}

TEST(BandedRun, OneBandIsDpSgdToTheBit) {
  ASSERT_OK_AND_ASSIGN(const RunPrivacy one, CalibrateRun(Banded(1)));
  ASSERT_OK_AND_ASSIGN(const RunPrivacy plain, CalibrateRun(ShopsWithoutStatistics()));
  EXPECT_EQ(one.training.share_sigma, plain.training.share_sigma);
  EXPECT_EQ(one.statement.epsilon_person, plain.statement.epsilon_person);
}

TEST(BandedRun, IsVerifiedFromItsSigmasAlone) {
  const RunPrivacyInput input = Banded(4);
  ASSERT_OK_AND_ASSIGN(const RunPrivacy run, CalibrateRun(input));
  ASSERT_OK_AND_ASSIGN(const PrivacyStatement statement, VerifyRun(input, {run.training}));
  EXPECT_EQ(statement.epsilon, run.statement.epsilon);
  // The noise and sensitivity of single steps do not support it.
  ASSERT_OK_AND_ASSIGN(const RunPrivacy steps, CalibrateRun(Banded(1)));
  EXPECT_THAT(VerifyRun(input, {steps.training}), StatusIs(kDenied, "sensitivity"));
}

// However many attempts are spent: never less than the blocks that some group has begun.
TEST(BandedRun, PricesCoverEveryBeginning) {
  for (const std::uint32_t bands : {1u, 2u, 7u}) {
    RunPrivacyInput input = Banded(bands);
    input.training.attempts_max = 30;
    ASSERT_OK_AND_ASSIGN(const RunPrivacy run, CalibrateRun(input));
    const auto prices = PricesOfTraining(input, run.training, 8);
    const double release = RdpAtOrder(0.1 * bands, run.training.noise_multiplier, 8);
    double paid = 0;
    std::uint64_t n = 0;
    for (const PricedAttempts& part : prices)
      for (std::uint64_t i = 0; i < part.attempts; ++i) {
        paid += part.per_attempt.rdp;
        ++n;
        EXPECT_GE(paid * (1 + 1e-12), release * static_cast<double>((n + bands - 1) / bands))
            << bands << " " << n;
      }
    EXPECT_EQ(n, 30u);
    EXPECT_LE(paid, release * (30.0 / bands + 1));
    EXPECT_EQ(ChargeOfTrainingAttempt(input, run.training, 8).rdp, prices.front().per_attempt.rdp);
  }
}

// In other groups at other merchants: not the mixture of L8, and never below it.
TEST(BandedRun, DP16_APersonAtSeveralMerchantsPaysOneAfterTheOther) {
  ASSERT_OK_AND_ASSIGN(const RunPrivacy run, CalibrateRun(Banded(4)));
  const PrivacyStatement& s = run.statement;
  EXPECT_GT(s.epsilon_person[0], 2 * s.epsilon);
  EXPECT_GT(s.epsilon_person[1], s.epsilon_person[0] * 1.5);
  const double one = s.epsilon_person[0] / 2;  // at delta / (1 + e^one)
  const double back =
      EpsilonOfSchedule({{0.4, run.training.noise_multiplier, 160}}, 1e-5 / (1 + std::exp(one)),
                        DefaultOrders(), Refine::kBetweenNeighbours)
          .epsilon;
  EXPECT_LE(back, one);
  EXPECT_GE(back, one * 0.99);
}

TEST(BandedRun, MeterCountsBlocks) {
  const RunPrivacyInput input = Banded(8);
  ASSERT_OK_AND_ASSIGN(const RunPrivacy run, CalibrateRun(input));
  ASSERT_OK_AND_ASSIGN(const EpsilonMeter meter, EpsilonMeter::Create(input, run));
  EXPECT_EQ(meter.After(0, 1), meter.After(0, 8));
  EXPECT_LT(meter.After(0, 8), meter.After(0, 9));
  EXPECT_LE(meter.After(0, 640), run.statement.epsilon);
}

TEST(BandedRun, RefusesByFieldAndBound) {
  EXPECT_THAT(CalibrateRun(Banded(0)), StatusIs(kInvalid, "bands is 0, must be from 1"));
  EXPECT_THAT(CalibrateRun(Banded(11)), StatusIs(kInvalid, "bands is 11: times the sampling rate"));
  RunPrivacyInput few = Banded(4);
  few.training.attempts_max = 3;
  EXPECT_THAT(CalibrateRun(few), StatusIs(kInvalid, "bands is 4, must be at most attempts_max"));
  RunPrivacyInput ring = Banded(8);
  ring.training.users_in_round_max = 800;
  EXPECT_THAT(CalibrateRun(ring), StatusIs(kInvalid, "ring_bits = 32 holds"));
  ring.training.bands = 1;
  EXPECT_OK(CalibrateRun(ring));
}

// ---- Local runs (SE-13)

RunPrivacyInput Local() {
  RunPrivacyInput input = ShopsWithoutStatistics();
  input.training.attempts_max = 20;
  input.training.local_steps = 10;
  input.training.update_clamp = 1;
  return input;
}

TEST(LocalRun, EveryMerchantCarriesAllOfItsNoise) {
  ASSERT_OK_AND_ASSIGN(const RunPrivacy run, CalibrateRun(Local()));
  EXPECT_EQ(run.training.share_sigma, run.training.noise_sigma);
  const PrivacyStatement& s = run.statement;
  EXPECT_EQ(s.epsilon, s.epsilon_all_others);
  EXPECT_EQ(s.epsilon, s.epsilon_coordinator);
  EXPECT_GE(s.epsilon, 2.9999);
  const double epsilon =
      EpsilonOfSchedule({{0.1, run.training.noise_multiplier, 200}}, 1e-5 - s.delta_slack,
                        DefaultOrders(), Refine::kBetweenNeighbours)
          .epsilon;
  EXPECT_NEAR(s.epsilon, epsilon, 1e-9);
  const double both = EpsilonOfSchedule({{0.1, run.training.noise_multiplier, 400}}, 1e-5,
                                        DefaultOrders(), Refine::kBetweenNeighbours)
                          .epsilon;
  EXPECT_NEAR(s.epsilon_person[0], both, 1e-3);
}

TEST(LocalRun, EveryLocalStepIsCharged) {
  ASSERT_OK_AND_ASSIGN(const RunPrivacy run, CalibrateRun(Local()));
  EXPECT_DOUBLE_EQ(ChargeOfTrainingAttempt(Local(), run.training, 8).rdp,
                   10 * RdpAtOrder(0.1, run.training.noise_multiplier, 8));
  ASSERT_OK_AND_ASSIGN(const EpsilonMeter meter, EpsilonMeter::Create(Local(), run));
  EXPECT_LT(meter.After(0, 19), meter.After(0, 20));
}

TEST(LocalRun, IsVerifiedAndAShareOfOthersIsNotEnough) {
  ASSERT_OK_AND_ASSIGN(const RunPrivacy run, CalibrateRun(Local()));
  EXPECT_OK(VerifyRun(Local(), {run.training}));
  SumNoise shared = run.training;
  shared.share_sigma /= std::sqrt(7.0);  // as of a distributed run with H_min = 7
  EXPECT_THAT(VerifyRun(Local(), {shared}), StatusIs(kDenied, "share_sigma"));
}

TEST(LocalRun, RefusesByFieldAndBound) {
  RunPrivacyInput input = Local();
  input.training.bands = 2;
  EXPECT_THAT(CalibrateRun(input), StatusIs(kInvalid, "bands is 2 in a local run"));
  input = Local();
  input.training.update_clamp = 0;
  EXPECT_THAT(CalibrateRun(input), StatusIs(kInvalid, "update_clamp is 0"));
  input.training.update_clamp = 300;  // nine of them on the grid 2^20
  EXPECT_THAT(CalibrateRun(input), StatusIs(kInvalid, "ring_bits = 32 holds"));
  input = Local();
  input.training.local_steps = 10'001;
  EXPECT_THAT(CalibrateRun(input), StatusIs(kInvalid, "local_steps is 10001"));
}

}  // namespace
}  // namespace veilsum::dp
