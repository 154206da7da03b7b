// Repeat-and-select: the distribution of K, the bound against exact divergences of a small
// mechanism, and against values of an independent program.
#include "dp/analysis/selection.h"

#include <cmath>

#include "dp/accountant/pld_accountant.h"
#include "dp/accountant/rdp_accountant.h"
#include "dp/mechanism/repeat_count.h"
#include "tests/support/seeded_rng.h"
#include "tests/support/status_matchers.h"

namespace veilsum::dp {
namespace {

const std::vector<RepeatRule> kRules = {{1, .1},     {1, .9},   {0, .01},
                                        {-.5, .001}, {.5, .05}, {3, .2}};

TEST(RepeatRule, ProbabilitiesSumToOneWithTheExpectedRuns) {
  for (const RepeatRule& rule : kRules) {
    double sum = 0, mean = 0;
    for (std::uint64_t k = 1; k <= 30'000 && sum < 1 - 1e-12; ++k) {
      const double p = ProbabilityOfRuns(rule, k);
      sum += p;
      mean += p * static_cast<double>(k);
      if (p < 1e-14 && k > 100) break;
    }
    EXPECT_NEAR(sum, 1, 1e-9) << rule.eta << " " << rule.gamma;
    EXPECT_NEAR(mean, ExpectedRuns(rule), 1e-6 * ExpectedRuns(rule)) << rule.eta;
  }
  for (std::uint64_t k = 1; k < 20; ++k) {
    EXPECT_NEAR(ProbabilityOfRuns({1, .1}, k), .1 * std::pow(.9, k - 1.0), 1e-14) << "geometric";
    EXPECT_NEAR(ProbabilityOfRuns({0, .1}, k), std::pow(.9, k) / (double(k) * std::log(10)), 1e-14);
    EXPECT_NEAR(ProbabilityOfRuns({1e-13, .1}, k), ProbabilityOfRuns({0, .1}, k), 1e-10);
  }
  EXPECT_NEAR(ExpectedRuns({1, .02}), 50, 1e-10);
}

// E[x^K], by Horner's rule.
double Generating(const RepeatRule& rule, double x) {
  double sum = 0;
  for (std::uint64_t k = 600; k > 0; --k) sum = (sum + ProbabilityOfRuns(rule, k)) * x;
  return sum;
}

// A Gaussian release, rounded to cells that are also its score: the best of K runs is in cell y
// with probability f(F(y)) - f(F(y - 1)), f the generating function of K.
std::vector<double> BestOf(const RepeatRule& rule, double z, double shift) {
  std::vector<double> masses;
  double last = 0;
  for (double cell = -8; cell <= 8; cell += .25) {
    const double next = cell == 8 ? 1 : std::erfc(-(cell * z - shift) / (z * M_SQRT2)) / 2;
    const double below = Generating(rule, last), above = Generating(rule, next);
    masses.push_back(above - below);
    last = next;
  }
  return masses;
}

double Renyi(const std::vector<double>& p, const std::vector<double>& q, double order) {
  double sum = 0;
  for (std::size_t i = 0; i < p.size(); ++i)
    if (p[i] > 1e-15 && q[i] > 1e-15) sum += q[i] * std::pow(p[i] / q[i], order);
  return std::log(sum) / (order - 1);
}

TEST(Selection, BoundsTheExactDivergencesOfTheBestRun) {
  for (const RepeatRule& rule : {RepeatRule{1, .1}, RepeatRule{0, .05}, RepeatRule{-.5, .05}})
    for (const double z : {2.0, 5.0}) {
      const SelectionRdp bound({{{1, z, 1}}, rule});
      const auto with = BestOf(rule, z, 1), without = BestOf(rule, z, 0);
      for (const double order : {1.5, 2.0, 4.0, 10.0}) {
        const double one = order / (2 * z * z);
        const double exact = std::max(Renyi(with, without, order), Renyi(without, with, order));
        EXPECT_LE(exact, bound.AtOrder(order)) << rule.eta << " " << z << " " << order;
        EXPECT_GT(exact, one * .5) << "and it does cost something";
        EXPECT_GT(bound.AtOrder(order), one);
      }
    }
}

// Selecting the best costs more than one run: the cheapest of mistakes would be to charge one.
TEST(Selection, OneRunsPriceIsRefutedByTheExactDivergence) {
  const RepeatRule rule = {1, .03};
  const auto with = BestOf(rule, 5, 1), without = BestOf(rule, 5, 0);
  EXPECT_GT(std::max(Renyi(with, without, 8), Renyi(without, with, 8)), 1.2 * 8 / (2 * 25.0));
}

// Computed by a separate program (plain Riemann sums in logarithms, the same list of orders,
// unrefined).
TEST(Selection, AgreesWithAnIndependentProgram) {
  struct Row {
    PrivacyEvent event;
    RepeatRule rule;
    double delta, epsilon;
  };
  for (const Row& row :
       {Row{{1, 20, 1}, {1, .1}, 1e-6, .45296297988}, Row{{1, 20, 1}, {0, .01}, 1e-6, .39738701038},
        Row{{1, 10, 4}, {-.5, .001}, 1e-5, 1.2828740880},
        Row{{1, 5, 1}, {1, .02}, 1e-5, 2.0463137935},
        Row{{.1, 3, 200}, {1, .1}, 1e-5, 4.3297239245},
        Row{{.02, 1.2, 500}, {0, .05}, 1e-6, 3.7533985544}}) {
    RdpAccountant accountant;
    ASSERT_OK(accountant.ComposeSelection({{row.event}, row.rule}));
    const double epsilon = accountant.LossAt(*Delta::Create(row.delta))->epsilon;
    EXPECT_LE(epsilon, row.epsilon * (1 + 1e-9));  // refined between the orders
    EXPECT_GE(epsilon, row.epsilon * .97);
  }
}

TEST(Selection, ComposesWithWhatElseIsReleased) {
  const Delta delta = *Delta::Create(1e-6);
  RdpAccountant both, alone, twice;
  const Selection selection = {{{.01, 1, 100}, {1, 50, 1}}, {0, .05}};
  ASSERT_OK(alone.ComposeSelection(selection));
  ASSERT_OK(both.ComposeSelection(selection));
  ASSERT_OK(both.Compose({.01, 1, 1000}));
  ASSERT_OK(twice.ComposeSelection(selection));
  ASSERT_OK(twice.ComposeSelection(selection));
  EXPECT_GT(both.LossAt(delta)->epsilon, alone.LossAt(delta)->epsilon);
  EXPECT_GT(twice.LossAt(delta)->epsilon, alone.LossAt(delta)->epsilon);
  RdpAccountant integer;
  ASSERT_OK(integer.ComposeSelection(
      {{{.01, 1, 100, NoiseKind::kDiscreteGaussian, 1, {1024, 0, 1000}}}, {0, .05}}));
  const auto loss = integer.LossAt(delta);
  EXPECT_EQ(*loss->order, std::floor(*loss->order));
}

TEST(Selection, RefusesByNameAndBound) {
  RdpAccountant accountant;
  EXPECT_THAT(accountant.ComposeSelection({{{.1, 1, 1}}, {-1, .1}}),
              StatusIs(kInvalid, "eta is -1, must be above -1"));
  EXPECT_THAT(accountant.ComposeSelection({{{.1, 1, 1}}, {NAN, .1}}),
              StatusIs(kInvalid, "eta is nan"));
  EXPECT_THAT(accountant.ComposeSelection({{{.1, 1, 1}}, {1, 1}}),
              StatusIs(kInvalid, "gamma is 1, must be at least 1e-9 and below 1"));
  EXPECT_THAT(accountant.ComposeSelection({{{.1, 1, 1}}, {1, 0}}),
              StatusIs(kInvalid, "gamma is 0"));
  EXPECT_THAT(accountant.ComposeSelection({{{2, 1, 1}}, {1, .1}}),
              StatusIs(kInvalid, "sampling_rate is 2"));
  EXPECT_THAT(accountant.ComposeSelection({{}, {1, .1}}), StatusIs(kInvalid, "needs events"));
  EXPECT_EQ(accountant.LossAt(*Delta::Create(1e-6))->epsilon, 0) << "nothing was added";
  PldAccountant pld;
  EXPECT_THAT(pld.ComposeSelection({{{.1, 1, 1}}, {1, .1}}),
              StatusIs(absl::StatusCode::kUnimplemented, "accountant pld: use rdp"));
}

// Chi-square over the numbers of runs; 1e-7 by Wilson and Hilferty's normal approximation.
TEST(RepeatCount, DrawsWhatIsAccounted) {
  SeededRngForTests rng(4);
  for (const auto& [eta, gamma] :
       {std::pair{"1", "1/4"}, std::pair{"0", "1/10"}, std::pair{"1/2", "1/5"}}) {
    const RepeatCount count = *RepeatCount::Create(*Rational::Parse(eta), *Rational::Parse(gamma));
    constexpr int kDraws = 20000, kCells = 12;
    std::vector<double> seen(kCells + 1), expected(kCells + 1);
    for (int i = 0; i < kDraws; ++i)
      ++seen[std::min<std::uint64_t>(count.Draw(rng), kCells + 1) - 1];
    double rest = 1, chi = 0;
    for (int k = 0; k <= kCells; ++k) {
      const double p = k == kCells ? rest : ProbabilityOfRuns(count.rule(), std::uint64_t(k) + 1);
      rest -= p;
      chi += std::pow(seen[k] - kDraws * p, 2) / (kDraws * p);
    }
    const double n = kCells;
    EXPECT_LT((std::cbrt(chi / n) - (1 - 2 / (9 * n))) / std::sqrt(2 / (9 * n)), 5.33) << eta;
  }
}

TEST(RepeatCount, RefusesByNameAndBound) {
  const Rational half = *Rational::Parse("1/2"), two = *Rational::Parse("2");
  EXPECT_THAT(RepeatCount::Create(two, half), StatusIs(kInvalid, "eta is 2, must be from 0 to 1"));
  EXPECT_THAT(RepeatCount::Create(half, two), StatusIs(kInvalid, "gamma is 2"));
  EXPECT_THAT(RepeatCount::Create(half, *Rational::Parse("1e-7")), StatusIs(kInvalid, "gamma is"));
}

}  // namespace
}  // namespace veilsum::dp
