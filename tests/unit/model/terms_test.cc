// What a contract says a round is for, and whether its noise keeps the plan's claim.
#include <cmath>
#include <functional>

#include "model/contract/privacy_terms.h"
#include "model/contract/round_schedule.h"
#include "model/plan/plan_format.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/model/small_plan.h"

namespace veilsum::model {
namespace {

using absl::StatusCode;
using testing::Not;

RunContract TwoSums(std::uint64_t statistics, std::uint64_t train) {
  RunContract contract;
  contract.sums.resize(2);
  contract.sums[0].purpose = "statistics";
  contract.sums[0].attempts_max = statistics;
  contract.sums[1].purpose = "train";
  contract.sums[1].attempts_max = train;
  return contract;
}

// ---- Round numbers (SE-05)
// ------------------------------------------------------------------------

TEST(RoundSchedule, SumsTakeConsecutiveNumbersInTheirOrder) {
  const RunContract contract = TwoSums(2, 5);
  EXPECT_EQ(AttemptsMax(contract), 7u);
  const auto expect = [&](std::uint64_t round, std::size_t sum, std::uint64_t attempt) {
    ASSERT_OK_AND_ASSIGN(const RoundPurpose purpose, PurposeOf(contract, round));
    EXPECT_EQ(purpose.sum, sum) << round;
    EXPECT_EQ(purpose.attempt, attempt) << round;
  };
  expect(1, 0, 1);
  expect(2, 0, 2);
  expect(3, 1, 1);
  expect(7, 1, 5);
}

TEST(RoundSchedule, DP04_NoRoundBeforeTheFirstOrAfterTheLast) {
  const RunContract contract = TwoSums(1, 4);
  EXPECT_THAT(PurposeOf(contract, 0), StatusIs(StatusCode::kInvalidArgument, "round is 0"));
  EXPECT_OK(PurposeOf(contract, 5));
  EXPECT_THAT(PurposeOf(contract, 6), StatusIs(StatusCode::kResourceExhausted, "DP-04"));
  EXPECT_THAT(PurposeOf(contract, ~std::uint64_t{0}),
              StatusIs(StatusCode::kResourceExhausted, "DP-04"));
  EXPECT_EQ(AttemptsMax(RunContract{}), 0u);
  EXPECT_THAT(PurposeOf(RunContract{}, 1), StatusIs(StatusCode::kResourceExhausted, "DP-04"));
}

TEST(RoundSchedule, AttemptsThroughARound) {
  const RunContract contract = TwoSums(2, 5);
  const auto expect = [&](std::uint64_t round, std::uint64_t statistics, std::uint64_t training) {
    const AttemptsByPurpose attempts = AttemptsThrough(contract, round);
    EXPECT_EQ(attempts.statistics, statistics) << round;
    EXPECT_EQ(attempts.training, training) << round;
  };
  expect(0, 0, 0);
  expect(1, 1, 0);
  expect(2, 2, 0);
  expect(3, 2, 1);
  expect(7, 2, 5);
  expect(100, 2, 5);
}

TEST(RoundSchedule, EvaluationComesLast) {
  RunContract contract = TwoSums(2, 5);
  contract.sums.push_back(contract.sums[0]);
  contract.sums[2].purpose = "evaluation";
  EXPECT_EQ(LastRoundOf(contract, 1), 7u);
  EXPECT_EQ(AttemptsMax(contract), 9u);
  EXPECT_EQ(PurposeOf(contract, 8)->sum, 2u);
  EXPECT_EQ(PurposeOf(contract, 8)->attempt, 1u);
  AttemptsByPurpose charged = AttemptsWithin(contract, 1, 4);  // 5 to 7 are passed over
  charged += AttemptsWithin(contract, 8, 9);
  EXPECT_EQ(charged.statistics, 2u);
  EXPECT_EQ(charged.training, 2u);
  EXPECT_EQ(charged.evaluation, 2u);
  EXPECT_EQ(charged.total(), 6u);
  EXPECT_EQ(&TrainingSum(contract), &contract.sums[1]);
}

TEST(StepConfig, ReadsWhatItWrites) {
  const Bytes bytes = EncodeStepConfig({.round = 7, .step = 5, .sum = 1, .last = 9});
  EXPECT_EQ(AsText(bytes), R"({"last":9,"round":7,"step":5,"sum":1})");
  ASSERT_OK_AND_ASSIGN(const StepConfig config, ParseStepConfig(bytes));
  EXPECT_EQ(config.round, 7u);
  EXPECT_EQ(config.step, 5u);
  EXPECT_EQ(config.sum, 1u);
  EXPECT_EQ(config.last, 9u);
}

TEST(StepConfig, SA16_RefusesEverythingElse) {
  const auto parse = [](std::string_view text) { return ParseStepConfig(AsBytes(text)); };
  for (const char* bad :
       {"", "{", "[]", "7", "null", R"({"last":9,"round":7,"step":5})",
        R"({"last":9,"round":7,"step":5,"sum":1,"x":1})",
        R"({"last":9,"round":7,"step":5,"sum":-1})", R"({"last":9,"round":7,"step":5,"sum":1.0})",
        R"({"last":9,"round":7,"step":5,"sum":"1"})", R"({"last":9,"round":7,"step":5,"sum":true})",
        R"({ "last":9,"round":7,"step":5,"sum":1})", R"({"round":7,"last":9,"step":5,"sum":1})",
        R"({"last":9,"last":9,"round":7,"step":5,"sum":1})",
        R"({"last":9,"round":7,"step":5,"sum":1}x)", R"({"last":9,"round":7,"stop":5,"sum":1})"})
    EXPECT_THAT(parse(bad), StatusIs(StatusCode::kInvalidArgument, "")) << bad;
  EXPECT_THAT(parse(std::string(4097, ' ')), StatusIs(StatusCode::kInvalidArgument, "4097 bytes"));
}

// ---- Privacy
// --------------------------------------------------------------------------------------

// What a coordinator would write for seven members of 16 customers.
RunContract ContractFor(const Plan& plan) {
  RunContract contract;
  Cohort cohort;
  cohort.members = SmallSeats(7);
  cohort.size_classes.assign(7, 16);
  const ResolvedAggregation aggregation = ResolveAggregation(plan.aggregation, 7, 1).value();
  cohort.colluders = aggregation.colluders;
  cohort.min_survivors = aggregation.min_survivors;
  contract.is_private = plan.is_private();
  const dp::RunPrivacyInput input = PrivacyInputOf(plan, cohort.size_classes, aggregation).value();
  contract.sums = SumsOf(plan, dp::CalibrateRun(input).value());
  contract.cohorts = {std::move(cohort)};
  return contract;
}

struct Privacy {
  Plan plan = MakeSmallPlan();
  RunContract contract = ContractFor(plan);
};
const Privacy& GoodTerms() {
  static const Privacy good;
  return good;
}

TEST(CheckPrivacy, ACalibratedContractKeepsItsClaim) {
  ASSERT_OK_AND_ASSIGN(const CheckedPrivacy checked,
                       CheckPrivacy(GoodTerms().plan, GoodTerms().contract));
  EXPECT_LE(checked.statement.epsilon, 8);
  EXPECT_GT(checked.statement.epsilon, 7.5) << "and does not waste it";
  EXPECT_GT(checked.statement.statistics_epsilon, 0);
  ASSERT_TRUE(checked.noise.statistics.has_value());
  EXPECT_GT(checked.noise.training.share_sigma, 0);
}

TEST(CheckPrivacy, MoreNoiseIsWelcome) {
  RunContract contract = GoodTerms().contract;
  for (std::string* s : {&contract.sums[1].noise_sigma, &contract.sums[1].share_sigma,
                         &contract.sums[1].noise_multiplier})
    *s = Scaled(*s, 1.1);
  ASSERT_OK_AND_ASSIGN(const CheckedPrivacy checked, CheckPrivacy(GoodTerms().plan, contract));
  EXPECT_LT(checked.statement.epsilon,
            CheckPrivacy(GoodTerms().plan, GoodTerms().contract)->statement.epsilon);
}

TEST(CheckPrivacy, DP03_OnePercentLessNoiseIsRefusedWhereverItIsTaken) {
  for (const std::size_t sum : {0, 1}) {
    const auto refused = [&](std::string SumSpec::*field, double factor) {
      RunContract contract = GoodTerms().contract;
      contract.sums[sum].*field = Scaled(contract.sums[sum].*field, factor);
      EXPECT_THAT(CheckPrivacy(GoodTerms().plan, contract),
                  StatusIs(StatusCode::kPermissionDenied, ""))
          << sum << ", times " << factor;
    };
    refused(&SumSpec::sensitivity, 0.99);
    refused(&SumSpec::noise_sigma, 0.99);
    refused(&SumSpec::noise_sigma, 1.01);  // more than the shares carry
    refused(&SumSpec::share_sigma, 0.99);
    refused(&SumSpec::noise_multiplier, 1.01);  // more than the noise supports
    refused(&SumSpec::noise_multiplier, 0.99);  // not what the noise gives
    RunContract contract = GoodTerms().contract;
    SumSpec& spec = contract.sums[sum];
    for (std::string* s : {&spec.noise_sigma, &spec.share_sigma, &spec.noise_multiplier})
      *s = Scaled(*s, 0.99);
    EXPECT_THAT(CheckPrivacy(GoodTerms().plan, contract),
                StatusIs(StatusCode::kPermissionDenied, ""))
        << sum;
  }
}

TEST(CheckPrivacy, SA02_ThresholdsBelowThePlansAreRefused) {
  SmallPlan small;
  small.colluders = 2;
  small.min_survivors = 6;
  const Plan plan = MakeSmallPlan(small);
  const RunContract good = ContractFor(plan);
  ASSERT_OK(CheckPrivacy(plan, good));
  RunContract contract = good;
  contract.cohorts[0].colluders = 1;
  EXPECT_THAT(CheckPrivacy(plan, contract),
              StatusIs(StatusCode::kPermissionDenied, "SA-02: contract: colluders is 1"));
  contract = good;
  contract.cohorts[0].min_survivors = 5;
  EXPECT_THAT(CheckPrivacy(plan, contract),
              StatusIs(StatusCode::kPermissionDenied, "SA-02: contract: min_survivors is 5"));
  contract = good;  // more colluders than the noise was made for
  contract.cohorts[0].colluders = 3;
  EXPECT_THAT(CheckPrivacy(plan, contract), Not(IsOk()));
}

TEST(CheckPrivacy, SE04_ThresholdsThatNoCohortMayHave) {
  RunContract contract = GoodTerms().contract;
  contract.cohorts[0].min_survivors = 4;  // q of 7 members and one colluder is 5
  EXPECT_THAT(CheckPrivacy(GoodTerms().plan, contract),
              StatusIs(StatusCode::kFailedPrecondition, "min_survivors"));
  contract.cohorts[0].min_survivors = 8;
  EXPECT_THAT(CheckPrivacy(GoodTerms().plan, contract),
              StatusIs(StatusCode::kFailedPrecondition, "min_survivors"));
  contract = GoodTerms().contract;
  contract.cohorts[0].members[1] =
      "spiffe://fed.test/tenant/m0/client/b";  // two seats of one tenant, one colluder
  EXPECT_THAT(CheckPrivacy(GoodTerms().plan, contract),
              StatusIs(StatusCode::kFailedPrecondition, "colluders"));
  contract = GoodTerms().contract;
  contract.cohorts.push_back(contract.cohorts[0]);
  EXPECT_THAT(CheckPrivacy(GoodTerms().plan, contract),
              StatusIs(StatusCode::kPermissionDenied, "SA-45: contract: 2 cohorts"));
}

TEST(CheckPrivacy, SumsMustBeThePlans) {
  const auto refused = [](const std::function<void(RunContract&)>& change, const char* named) {
    RunContract contract = GoodTerms().contract;
    change(contract);
    EXPECT_THAT(CheckPrivacy(GoodTerms().plan, contract),
                StatusIs(StatusCode::kInvalidArgument, named));
  };
  refused([](auto& c) { c.sums.pop_back(); }, "1 sums");
  refused([](auto& c) { c.sums.push_back(c.sums[1]); }, "3 sums");
  refused([](auto& c) { std::swap(c.sums[0], c.sums[1]); }, "statistics sum");
  refused([](auto& c) { ++c.sums[0].attempts_max; }, "statistics sum");
  refused([](auto& c) { ++c.sums[1].attempts_max; }, "train sum");
  refused([](auto& c) { c.sums[1].bits = 64; }, "train sum");
  refused([](auto& c) { ++c.sums[1].scale_log2; }, "train sum");
  refused([](auto& c) { --c.sums[1].dimension; }, "train sum");
  refused([](auto& c) { c.sums[1].noise_sigma = "much"; }, "noise_sigma");
}

// SE-11: the hold-out's customers are in no other sum, so that evaluation takes nothing from
// training and the claim is the larger of both.
TEST(CheckPrivacy, EvaluationComposesByMaximum) {
  SmallPlan small;
  small.evaluation_attempts = 2;
  const Plan plan = MakeSmallPlan(small);
  const RunContract contract = ContractFor(plan);
  ASSERT_EQ(contract.sums.size(), 3u);
  EXPECT_EQ(contract.sums[2].purpose, "evaluation");
  EXPECT_EQ(contract.sums[2].bits, 64u);
  EXPECT_EQ(contract.sums[2].dimension, 16u);
  EXPECT_EQ(contract.sums[2].attempts_max, 2u);
  EXPECT_EQ(contract.sums[2].sensitivity, "65536");
  EXPECT_EQ(contract.sums[0], GoodTerms().contract.sums[0]);
  EXPECT_EQ(contract.sums[1], GoodTerms().contract.sums[1]) << "training has all the budget it had";
  ASSERT_OK_AND_ASSIGN(const CheckedPrivacy checked, CheckPrivacy(plan, contract));
  EXPECT_LE(checked.statement.epsilon, 8);
  EXPECT_GT(checked.statement.evaluation_epsilon, 7.5);
  EXPECT_GT(checked.statement.evaluation_filter, 7.5);
  EXPECT_GT(checked.statement.epsilon_person[1], checked.statement.epsilon_person[0]);
  RunContract less = contract;
  for (std::string* s :
       {&less.sums[2].noise_sigma, &less.sums[2].share_sigma, &less.sums[2].noise_multiplier})
    *s = Scaled(*s, 0.9);
  EXPECT_THAT(CheckPrivacy(plan, less), StatusIs(StatusCode::kPermissionDenied, "evaluation"));
  RunContract cheaper = contract;
  cheaper.sums[2].sensitivity = "32768";
  EXPECT_THAT(CheckPrivacy(plan, cheaper),
              StatusIs(StatusCode::kPermissionDenied, "evaluation sensitivity"));
  RunContract without = contract;
  without.sums.pop_back();
  EXPECT_THAT(CheckPrivacy(plan, without), StatusIs(StatusCode::kInvalidArgument, "2 sums"));
}

// DP-20: the unit of the claim is a merchant; its customers pay for twice the sensitivity.
TEST(CheckPrivacy, DP20_AMerchantContractIsRecomputedWithItsBit) {
  SmallPlan small;
  small.merchant_steps = 3;
  small.statistics = false;
  const Plan plan = MakeSmallPlan(small);
  const RunContract contract = ContractFor(plan);
  ASSERT_EQ(contract.sums.size(), 1u);
  EXPECT_EQ(contract.sums[0].sampling_rate, "1") << "who uploads is public";
  EXPECT_EQ(contract.sums[0].dimension, LayoutOf(plan).parameters() + 1);
  ASSERT_OK_AND_ASSIGN(const CheckedPrivacy checked, CheckPrivacy(plan, contract));
  EXPECT_LE(checked.statement.epsilon, 8 * (1 + 1e-9));
  EXPECT_GT(checked.statement.epsilon, 7.5);
  EXPECT_GT(checked.statement.epsilon_customer, 1.5 * checked.statement.epsilon);
  EXPECT_EQ(CalibrateCohorts(plan, contract)->training.share_sigma,
            checked.noise.training.share_sigma);
  const dp::MerchantGrid grid = MerchantGridOf(plan, checked.noise.training);
  EXPECT_EQ(static_cast<double>(grid.half), std::floor(checked.noise.training.noise_sigma / 4));
  RunContract other = contract;  // an update without its bit
  other.sums[0].dimension -= 1;
  EXPECT_THAT(CheckPrivacy(plan, other), StatusIs(StatusCode::kInvalidArgument, "train sum"));
  other = contract;
  other.sums[0].sampling_rate = "1/2";
  EXPECT_THAT(CheckPrivacy(plan, other), StatusIs(StatusCode::kInvalidArgument, "train sum"));
  other = contract;
  for (std::string* s :
       {&other.sums[0].noise_sigma, &other.sums[0].share_sigma, &other.sums[0].noise_multiplier})
    *s = Scaled(*s, 0.9);
  EXPECT_THAT(CheckPrivacy(plan, other), StatusIs(StatusCode::kPermissionDenied, ""));
}

TEST(CheckPrivacy, QuantilesAreAHistogramOfEveryFeature) {
  SmallPlan small;
  small.quantile_bins = 16;
  const Plan plan = MakeSmallPlan(small);
  const RunContract contract = ContractFor(plan);
  EXPECT_EQ(contract.sums[0].purpose, "statistics");
  EXPECT_EQ(contract.sums[0].dimension, 3u * 16);
  EXPECT_NEAR(std::stod(contract.sums[0].sensitivity), 65536 * std::sqrt(3), 1e-6);
  ASSERT_OK_AND_ASSIGN(const CheckedPrivacy checked, CheckPrivacy(plan, contract));
  EXPECT_NEAR(checked.statement.statistics_epsilon, 0.2 * 8, 1e-3);
  EXPECT_LE(checked.statement.epsilon, 8 * (1 + 1e-9));
  RunContract cheaper = contract;
  cheaper.sums[0].sensitivity = "65536";
  EXPECT_THAT(CheckPrivacy(plan, cheaper),
              StatusIs(StatusCode::kPermissionDenied, "statistics sensitivity"));
  EXPECT_THAT(CheckPrivacy(plan, GoodTerms().contract), StatusIs(StatusCode::kInvalidArgument, ""));
}

TEST(CheckPrivacy, DP15_ABandedContractIsRecomputedBlockByBlock) {
  SmallPlan small;
  small.bands = 2;
  small.sampling_rate = "1/3";
  const Plan plan = MakeSmallPlan(small);
  const RunContract contract = ContractFor(plan);
  EXPECT_EQ(contract.sums[1].sampling_rate, "2/3") << "of the group whose step it is";
  ASSERT_OK_AND_ASSIGN(const CheckedPrivacy checked, CheckPrivacy(plan, contract));
  EXPECT_LE(checked.statement.epsilon, 8 * (1 + 1e-9));
  EXPECT_EQ(CalibrateCohorts(plan, contract)->training.share_sigma,
            checked.noise.training.share_sigma);
  // What the same plan without bands would state: another rate, less noise.
  small.bands = 1;
  RunContract steps = contract;
  steps.sums = ContractFor(MakeSmallPlan(small)).sums;
  EXPECT_THAT(CheckPrivacy(plan, steps), StatusIs(StatusCode::kInvalidArgument, "train sum"));
  steps.sums[1].sampling_rate = "2/3";
  EXPECT_THAT(CheckPrivacy(plan, steps),
              StatusIs(StatusCode::kPermissionDenied, "training sensitivity"));
}

TEST(CheckPrivacy, SE13_ALocalContractStatesAllOfTheNoiseForEverybody) {
  SmallPlan small;
  small.local_steps = 5;
  const Plan plan = MakeSmallPlan(small);
  const RunContract contract = ContractFor(plan);
  EXPECT_EQ(contract.sums[1].share_sigma, contract.sums[1].noise_sigma);
  EXPECT_NE(contract.sums[0].share_sigma, contract.sums[0].noise_sigma) << "statistics are shared";
  ASSERT_OK_AND_ASSIGN(const CheckedPrivacy checked, CheckPrivacy(plan, contract));
  EXPECT_EQ(CalibrateCohorts(plan, contract)->training.share_sigma,
            checked.noise.training.share_sigma);
  RunContract less = contract;
  less.sums[1].share_sigma = Scaled(less.sums[1].share_sigma, 0.5);
  EXPECT_THAT(CheckPrivacy(plan, less), StatusIs(StatusCode::kPermissionDenied, "share_sigma"));
  small.local_steps = 4;  // the noise of fewer steps
  less.sums = ContractFor(MakeSmallPlan(small)).sums;
  EXPECT_THAT(CheckPrivacy(plan, less), StatusIs(StatusCode::kPermissionDenied, "epsilon"));
}

TEST(CheckPrivacy, SE12_ModeNoneIsOpenAboutIt) {
  SmallPlan small;
  small.is_private = false;
  const Plan plan = MakeSmallPlan(small);
  RunContract contract = ContractFor(plan);
  ASSERT_OK_AND_ASSIGN(const CheckedPrivacy checked, CheckPrivacy(plan, contract));
  EXPECT_TRUE(std::isinf(checked.statement.epsilon));
  contract.is_private = true;
  EXPECT_THAT(CheckPrivacy(plan, contract), StatusIs(StatusCode::kPermissionDenied, "private"));
  contract = GoodTerms().contract;
  contract.is_private = false;
  EXPECT_THAT(CheckPrivacy(GoodTerms().plan, contract),
              StatusIs(StatusCode::kPermissionDenied, "private"));
}

TEST(PrivacyTerms, SeatsOfTheLargestTenant) {
  EXPECT_EQ(SeatsOfLargestTenant(SmallSeats(5)), 1u);
  EXPECT_EQ(SeatsOfLargestTenant({"spiffe://f/tenant/a/client/1", "spiffe://f/tenant/a/client/2",
                                  "spiffe://f/tenant/ab/client/1"}),
            2u);
  EXPECT_EQ(SeatsOfLargestTenant({}), 0u);
}

TEST(PrivacyTerms, DP06_PaddingIsAFunctionOfTheSizeClass) {
  const Plan plan = MakeSmallPlan();
  EXPECT_EQ(PaddedCustomers(plan, 16).value(), 16u) << "a small class is padded to itself";
  const std::uint32_t of_large = PaddedCustomers(plan, 1 << 16).value();
  EXPECT_GT(of_large, (1u << 15));
  EXPECT_LT(of_large, (1u << 15) + 2000);
  EXPECT_THAT(PrivacyInputOf(plan, {}, {7, 1, 5, 6}),
              StatusIs(StatusCode::kInvalidArgument, "size class"));
}

}  // namespace
}  // namespace veilsum::model
