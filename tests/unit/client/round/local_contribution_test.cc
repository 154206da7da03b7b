// The real contribution: one integer for each coordinate of the contract's sum, fresh coins and
// noise at every attempt.
#include "client/round/local_contribution.h"

#include <cmath>
#include <set>

#include "tests/support/seeded_rng.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/coordinator/run/small_terms.h"

namespace veilsum::client {
namespace {

constexpr double kScale = 65536;

model::Examples TenCustomers() {
  model::Examples examples;
  examples.numeric = 3;
  examples.categorical = 1;
  for (std::uint32_t i = 0; i < 10; ++i) {
    for (int j = 0; j < 3; ++j)
      examples.numeric_values.push_back(static_cast<float>((i * 7 + j * 3) % 11) / 5.5f - 1);
    examples.active_inputs.push_back(3 + i % 4);
    examples.labels.push_back(static_cast<float>(i % 2));
    examples.first_row.push_back(i + 1);
    examples.customer_ids.push_back(std::to_string(i));
  }
  return examples;
}

struct Ready {
  ApprovedRun run;
  std::unique_ptr<Contribution> contribution;
  model::ModelVector model;
};

absl::StatusOr<Ready> Prepare(const model::SmallPlan& plan, SecureRng& rng,
                              bool with_secret = true) {
  const coordinator::RunTerms terms = coordinator::SmallTerms(plan, 5);
  VEILSUM_ASSIGN_OR_RETURN(ApprovedRun run,
                           ApprovedRun::Check(terms.plan_json(), terms.contract_json(),
                                              {model::SmallSeat(0), "fed.test", Hash32{7}}));
  const Secret<32> grouping = SeededRngForTests(99).NewSecret<32>();
  VEILSUM_ASSIGN_OR_RETURN(
      auto contribution,
      LocalContribution::Create(run, TenCustomers(), rng, {}, with_secret ? &grouping : nullptr));
  model::ModelVector model(run.layout().size(), 0.1f);
  return Ready{std::move(run), std::move(contribution), std::move(model)};
}

model::SmallPlan WithoutPrivacy(bool statistics) {
  model::SmallPlan plan;
  plan.is_private = false;
  plan.statistics = statistics;
  return plan;
}

double Norm(const std::vector<std::int64_t>& values) {
  double sum = 0;
  for (const std::int64_t value : values)
    sum += static_cast<double>(value) * static_cast<double>(value);
  return std::sqrt(sum);
}

TEST(LocalContribution, StatisticsWithoutNoiseAreThePlainOnes) {
  SeededRngForTests rng(1);
  ASSERT_OK_AND_ASSIGN(const Ready p, Prepare(WithoutPrivacy(true), rng));
  ASSERT_OK_AND_ASSIGN(const dp::NoisedVector sum, p.contribution->Compute({0, 1}, p.model));
  ASSERT_EQ(sum.integers().size(), 7u);
  EXPECT_EQ(sum.integers()[0], static_cast<std::int64_t>(10 * kScale));
  const model::Examples examples = TenCustomers();
  double first = 0, squares = 0;
  for (std::size_t i = 0; i < 10; ++i) {
    first += examples.NumericOf(i)[0];
    squares += examples.NumericOf(i)[2] * examples.NumericOf(i)[2];
  }
  EXPECT_NEAR(static_cast<double>(sum.integers()[1]), first * kScale, 1);
  EXPECT_NEAR(static_cast<double>(sum.integers()[6]), squares * kScale, 1);
}

TEST(LocalContribution, DP05_EveryAttemptSamplesAnewAndStaysWithinTheClip) {
  SeededRngForTests rng(2);
  ASSERT_OK_AND_ASSIGN(const Ready p, Prepare(WithoutPrivacy(false), rng));
  std::set<std::vector<std::int64_t>> seen;
  for (std::uint64_t attempt = 1; attempt <= 6; ++attempt) {
    ASSERT_OK_AND_ASSIGN(const dp::NoisedVector sum,
                         p.contribution->Compute({0, attempt}, p.model));
    EXPECT_EQ(sum.integers().size(), p.run.layout().parameters());
    EXPECT_LE(Norm(sum.integers()), 10 * kScale * 1.001);
    seen.insert(sum.integers());
  }
  EXPECT_GE(seen.size(), 5u) << "half of ten customers is seldom the same half";
}

TEST(LocalContribution, DP13_PrivateSumsCarryTheContractsNoise) {
  SeededRngForTests rng(3);
  model::SmallPlan plan;
  ASSERT_OK_AND_ASSIGN(const Ready p, Prepare(plan, rng));
  const auto check = [&](std::size_t sum, double signal) {
    const double sigma = std::stod(p.run.contract().sums[sum].share_sigma);
    double squares = 0, count = 0;
    std::vector<std::int64_t> before;
    for (std::uint64_t attempt = 1; attempt <= 12; ++attempt) {
      ASSERT_OK_AND_ASSIGN(const dp::NoisedVector noised,
                           p.contribution->Compute({sum, attempt}, p.model));
      ASSERT_EQ(noised.integers().size(), p.run.contract().sums[sum].dimension);
      if (!before.empty())
        for (std::size_t i = 0; i < before.size(); ++i) {
          const double difference = static_cast<double>(noised.integers()[i] - before[i]);
          squares += difference * difference;
          ++count;
        }
      before = noised.integers();
    }
    const double measured = std::sqrt(squares / count / 2);
    EXPECT_GT(measured, 0.8 * sigma);
    EXPECT_LT(measured, std::sqrt(sigma * sigma + signal * signal) * 1.2);
  };
  check(0, 0);
  check(1, 4 * kScale);
}

TEST(LocalContribution, AModelOfAnotherSizeIsAnError) {
  SeededRngForTests rng(4);
  ASSERT_OK_AND_ASSIGN(const Ready p, Prepare(WithoutPrivacy(false), rng));
  model::ModelVector wrong = p.model;
  wrong.pop_back();
  EXPECT_THAT(p.contribution->Compute({0, 1}, wrong),
              StatusIs(absl::StatusCode::kInvalidArgument, ""));
}

// ---- Bands (DP-15)

model::SmallPlan InGroups(int bands) {
  model::SmallPlan plan = WithoutPrivacy(false);
  plan.bands = bands;
  plan.sampling_rate = "1/" + std::to_string(bands);  // the whole group whose step it is
  return plan;
}

// The groups divide the customers: their steps add up to a step of everybody, in any b in a row.
TEST(LocalContribution, DP15_EveryCustomerIsInOneStepOfAsManyAsThereAreBands) {
  SeededRngForTests rng(5);
  ASSERT_OK_AND_ASSIGN(const Ready all, Prepare(InGroups(1), rng));
  ASSERT_OK_AND_ASSIGN(const dp::NoisedVector everybody,
                       all.contribution->Compute({0, 1}, all.model));
  ASSERT_OK_AND_ASSIGN(const Ready p, Prepare(InGroups(3), rng));
  dp::BandDecoder decoder(*dp::BandMatrix::Create(3), p.run.layout().parameters());
  std::vector<std::vector<double>> steps;
  for (std::uint64_t t = 1; t <= 7; ++t) {
    ASSERT_OK_AND_ASSIGN(const dp::NoisedVector row, p.contribution->Compute({0, t}, p.model));
    steps.push_back(decoder.Step(t, row.integers()));
    if (t < 3) continue;
    for (std::size_t i = 0; i < steps[0].size(); ++i)
      EXPECT_NEAR(steps[t - 1][i] + steps[t - 2][i] + steps[t - 3][i],
                  static_cast<double>(everybody.integers()[i]), 16)
          << t << " " << i;  // of 65536 to the unit: rows are rounded, clip factors too
  }
  EXPECT_NE(steps[0], steps[1]);
}

TEST(LocalContribution, DP15_NoStepTwiceAndNoGroupsWithoutASecret) {
  SeededRngForTests rng(6);
  ASSERT_OK_AND_ASSIGN(const Ready p, Prepare(InGroups(2), rng));
  ASSERT_OK(p.contribution->Compute({0, 3}, p.model));
  EXPECT_THAT(p.contribution->Compute({0, 3}, p.model),
              StatusIs(absl::StatusCode::kFailedPrecondition, "DP-15"));
  EXPECT_THAT(Prepare(InGroups(2), rng, false),
              StatusIs(absl::StatusCode::kInvalidArgument, "DP-15: a banded plan needs a secret"));
}

// ---- Local mode (SE-13)

TEST(LocalContribution, SE13_TheUpdateIsWhatTheLocalStepsMoved) {
  SeededRngForTests rng(7);
  model::SmallPlan plan = WithoutPrivacy(false);
  plan.sampling_rate = "1";
  ASSERT_OK_AND_ASSIGN(const Ready step, Prepare(plan, rng));
  plan.local_steps = 1;
  ASSERT_OK_AND_ASSIGN(const Ready one, Prepare(plan, rng));
  ASSERT_OK_AND_ASSIGN(const dp::NoisedVector gradient,
                       step.contribution->Compute({0, 1}, step.model));
  ASSERT_OK_AND_ASSIGN(const dp::NoisedVector update, one.contribution->Compute({0, 1}, one.model));
  // learning_rate 0.01, expected_batch 16.
  for (std::size_t i = 0; i < gradient.integers().size(); ++i)
    EXPECT_NEAR(static_cast<double>(update.integers()[i]),
                -0.01 / 16 * static_cast<double>(gradient.integers()[i]), 1)
        << i;
}

// With learning_rate times proximal at 1 the second step takes the first one back.
TEST(LocalContribution, SE13_AProximalTermPullsEveryLocalStepToTheRoundsModel) {
  SeededRngForTests rng(7);
  model::SmallPlan plan = WithoutPrivacy(false);
  plan.sampling_rate = "1";
  const auto update = [&](int steps, const char* proximal) {
    plan.local_steps = steps;
    plan.training = proximal;
    const Ready ready = Prepare(plan, rng).value();
    return ready.contribution->Compute({0, 1}, ready.model).value().integers();
  };
  const auto one = update(1, ""), two = update(2, ""), held = update(2, "proximal = \"100\"\n");
  EXPECT_EQ(update(1, "proximal = \"100\"\n"), one) << "nothing has moved yet";
  EXPECT_GT(Norm(one), 20);
  for (std::size_t i = 0; i < one.size(); ++i)
    EXPECT_NEAR(static_cast<double>(held[i]), static_cast<double>(two[i] - one[i]), 2) << i;
}

// A merchant's update alone, without any other's noise, is as noisy as its steps.
TEST(LocalContribution, SE13_EveryLocalStepCarriesAllOfTheNoise) {
  SeededRngForTests rng(8);
  model::SmallPlan plan;
  plan.statistics = false;
  plan.local_steps = 6;
  ASSERT_OK_AND_ASSIGN(const Ready p, Prepare(plan, rng));
  const model::SumSpec& sum = p.run.contract().sums[0];
  EXPECT_EQ(sum.share_sigma, sum.noise_sigma);
  const double expected = 0.01 / 16 * std::stod(sum.share_sigma) * std::sqrt(6.0);
  double squares = 0, count = 0;
  std::vector<std::int64_t> before;
  for (std::uint64_t attempt = 1; attempt <= 40; ++attempt) {
    ASSERT_OK_AND_ASSIGN(const dp::NoisedVector update,
                         p.contribution->Compute({0, attempt}, p.model));
    for (std::size_t i = 0; i < before.size(); ++i, ++count)
      squares += std::pow(static_cast<double>(update.integers()[i] - before[i]), 2);
    before = update.integers();
  }
  // Data move it too; noise is most of it at epsilon = 8 with ten customers.
  EXPECT_NEAR(std::sqrt(squares / count / 2) / expected, 1, 0.15);
}

model::SmallPlan MerchantPlan(bool is_private) {
  model::SmallPlan plan;
  plan.is_private = is_private;
  plan.statistics = false;
  plan.merchant_steps = 3;
  return plan;
}

// DP-20: whatever the steps at home did, what leaves is at most one clip norm, and one bit.
TEST(LocalContribution, DP20_AMerchantsUpdateIsOneClipNorm) {
  SeededRngForTests rng(21);
  ASSERT_OK_AND_ASSIGN(const Ready p, Prepare(MerchantPlan(false), rng));
  const std::size_t clip_at = *p.run.layout().clip_norm();
  const auto sent = [&](float clip, std::uint64_t attempt) {
    model::ModelVector model = p.model;
    model[clip_at] = clip;
    return p.contribution->Compute({0, attempt}, model).value().integers();
  };
  std::vector<std::int64_t> tight = sent(1e-6f, 1), wide = sent(1e3f, 2);
  ASSERT_EQ(tight.size(), p.run.layout().parameters() + 1);
  EXPECT_EQ(tight.back(), -static_cast<std::int64_t>(kScale)) << "clipped";
  EXPECT_EQ(wide.back(), static_cast<std::int64_t>(kScale)) << "not clipped";
  tight.pop_back();
  wide.pop_back();
  EXPECT_NEAR(Norm(tight), kScale, 8);
  EXPECT_LT(Norm(wide), kScale / 100);
  model::ModelVector spoilt = p.model;
  spoilt[clip_at] = 0;
  EXPECT_THAT(p.contribution->Compute({0, 3}, spoilt),
              StatusIs(absl::StatusCode::kInvalidArgument, "clip is 0"));
}

TEST(LocalContribution, DP20_TheUpdateCarriesTheContractsNoise) {
  SeededRngForTests rng(22);
  ASSERT_OK_AND_ASSIGN(const Ready p, Prepare(MerchantPlan(true), rng));
  double square = 0, count = 0;
  for (std::uint64_t attempt = 1; attempt <= 40; ++attempt) {
    ASSERT_OK_AND_ASSIGN(const dp::NoisedVector sum,
                         p.contribution->Compute({0, attempt}, p.model));
    for (std::size_t i = 0; i + 1 < sum.integers().size(); ++i, ++count)
      square += std::pow(static_cast<double>(sum.integers()[i]), 2);
  }
  const double sigma = p.run.noise().training.share_sigma;
  // An update adds at most scale^2 to each attempt's square; the rest is noise: 5.33 deviations.
  const double slack = 5.33 * std::sqrt(2 / count) + 12 * kScale * kScale / (count * sigma * sigma);
  EXPECT_NEAR(square / count / (sigma * sigma), 1, slack);
  EXPECT_LT(slack, 0.5);
}

// Statistics by histogram: each customer is in one bin of each feature, in whole grid points.
TEST(LocalContribution, QuantileStatisticsAreWholeCustomers) {
  SeededRngForTests rng(23);
  model::SmallPlan plan = WithoutPrivacy(true);
  plan.quantile_bins = 4;
  ASSERT_OK_AND_ASSIGN(const Ready p, Prepare(plan, rng));
  ASSERT_OK_AND_ASSIGN(const dp::NoisedVector sum, p.contribution->Compute({0, 1}, p.model));
  ASSERT_EQ(sum.integers().size(), 12u);
  const model::Examples examples = TenCustomers();
  for (std::size_t j = 0; j < 3; ++j) {
    std::vector<std::int64_t> bins(4);
    for (std::size_t i = 0; i < 10; ++i)
      ++bins[std::min<std::size_t>(3,
                                   static_cast<std::size_t>(2 * (1 + examples.NumericOf(i)[j])))];
    for (std::size_t k = 0; k < 4; ++k)
      EXPECT_EQ(sum.integers()[4 * j + k], bins[k] * static_cast<std::int64_t>(kScale)) << j << k;
  }
}

}  // namespace
}  // namespace veilsum::client
