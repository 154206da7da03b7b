#include <cmath>

#include "base/secure_rng.h"
#include "coordinator/rollout/veto_gate.h"
#include "dp/mechanism/randomised_response.h"
#include "tests/support/seeded_rng.h"
#include "tests/support/status_matchers.h"

namespace veilsum::coordinator {
namespace {

constexpr std::uint32_t kPlain = 0;

VetoRange Of(std::uint32_t epsilon, std::uint64_t votes, std::uint64_t raised,
             double alpha = 0.02) {
  return VetoesOf(epsilon, {votes, raised}, alpha);
}

TEST(VetoGate, BitsThatAreSentAsTheyAreAreCountedExactly) {
  for (std::uint64_t raised = 0; raised <= 5; ++raised) {
    EXPECT_EQ(Of(kPlain, 5, raised).low, raised);
    EXPECT_EQ(Of(kPlain, 5, raised).high, raised);
  }
  EXPECT_EQ(VetoGate({{kPlain, {4, 1}}}, {}, 1).verdict, Verdict::kPass) << "a quarter may";
  const GateResult third = VetoGate({{kPlain, {3, 1}}}, {}, 1);
  EXPECT_EQ(third.verdict, Verdict::kBreach);
  EXPECT_EQ(third.on_breach, OnBreach::kRollback);
  EXPECT_DOUBLE_EQ(third.detectable, 1.0 / 3);
}

// By enumeration of every outcome of six merchants' coins.
TEST(VetoGate, ItsBoundsAreWrongNoMoreOftenThanStated) {
  constexpr std::uint64_t kVotes = 6;
  constexpr double kAlpha = 0.05;
  for (const std::uint32_t epsilon : {500u, 1000u, 3000u}) {
    const double truth = dp::TruthProbability(epsilon);
    for (std::uint64_t vetoes = 0; vetoes <= kVotes; ++vetoes) {
      double above = 0, below = 0;
      for (unsigned coins = 0; coins < 1u << kVotes; ++coins) {  // a set coin: a lie
        double probability = 1;
        std::uint64_t raised = 0;
        for (unsigned i = 0; i < kVotes; ++i) {
          const bool lie = (coins >> i & 1) != 0;
          probability *= lie ? 1 - truth : truth;
          raised += (i < vetoes) != lie;
        }
        const VetoRange range = Of(epsilon, kVotes, raised, kAlpha);
        above += range.low > vetoes ? probability : 0;
        below += range.high < vetoes ? probability : 0;
      }
      EXPECT_LE(above, kAlpha) << epsilon << " " << vetoes;
      EXPECT_LE(below, kAlpha) << epsilon << " " << vetoes;
    }
  }
}

TEST(VetoGate, TellsOnlyWhatTheCoinsLetItAndSaysFromWhereOn) {
  const GateResult few = VetoGate({{1000, {3, 3}}}, {}, 1);
  EXPECT_EQ(few.verdict, Verdict::kInconclusive);
  EXPECT_TRUE(std::isinf(few.detectable)) << "not even three of three";
  EXPECT_EQ(few.why, "3 votes could not show it if all were vetoes");
  const GateResult many = VetoGate({{2000, {100, 30}}}, {}, 1);
  EXPECT_EQ(many.verdict, Verdict::kInconclusive);
  EXPECT_GT(many.detectable, 0.3);
  EXPECT_LT(many.detectable, 0.6);
  EXPECT_EQ(VetoGate({{2000, {100, 80}}}, {}, 1).verdict, Verdict::kBreach);
  EXPECT_EQ(VetoGate({{2000, {100, 12}}}, {}, 1).verdict, Verdict::kPass) << "all of it mistakes";
  EXPECT_EQ(VetoGate({}, {}, 1).why, "no merchant has voted");
}

TEST(VetoGate, ADetectableShareIsABreachFourTimesInFive) {
  constexpr std::uint64_t kVotes = 60;
  constexpr std::uint32_t kEpsilon = 2000;
  const double share = VetoGate({{kEpsilon, {kVotes, 0}}}, {}, 1).detectable;
  const auto seen = [&](std::uint64_t vetoes) {
    const double truth = dp::TruthProbability(kEpsilon);
    std::vector<double> chance(kVotes + 1, 0);  // of so many raised bits, merchant by merchant
    chance[0] = 1;
    for (std::uint64_t i = 0; i < kVotes; ++i) {
      const double p = i < vetoes ? truth : 1 - truth;
      for (std::uint64_t x = i + 1; x > 0; --x) chance[x] = chance[x] * (1 - p) + chance[x - 1] * p;
      chance[0] *= 1 - p;
    }
    double out = 0;
    for (std::uint64_t x = 0; x <= kVotes; ++x)
      if (VetoGate({{kEpsilon, {kVotes, x}}}, {}, 1).verdict == Verdict::kBreach) out += chance[x];
    return out;
  };
  const auto vetoes = static_cast<std::uint64_t>(std::lround(share * kVotes));
  EXPECT_GE(seen(vetoes), 0.8);
  EXPECT_LT(seen(vetoes - 1), 0.8);
}

TEST(VetoGate, GroupsOfDifferentEpsilonAddUp) {
  const GateResult gate = VetoGate({{kPlain, {10, 9}}, {1000, {10, 5}}}, {}, 1);
  EXPECT_NEAR(gate.value, (9 + 5) / 20.0, 1e-9) << "half of the coins' bits: half of them object";
  EXPECT_EQ(gate.verdict, Verdict::kBreach) << "nine of twenty object for certain";
}

TEST(RandomisedResponse, CostsWhatItsTwoDistributionsAreApart) {
  for (const std::uint32_t epsilon : {100u, 1000u, 8000u}) {
    const double p = dp::TruthProbability(epsilon), q = 1 - p;
    for (const std::uint32_t order : {2u, 5u, 20u}) {
      const double sum = std::pow(p, order) * std::pow(q, 1.0 - order) +
                         std::pow(q, order) * std::pow(p, 1.0 - order);
      EXPECT_NEAR(dp::ChargeOfResponse(epsilon, order).rdp / (std::log(sum) / (order - 1)), 1,
                  1e-9);
    }
    const double all = dp::ChargeOfResponse(epsilon, 1024).rdp;
    EXPECT_LE(all, epsilon / 1000.0) << "never above pure epsilon";
    EXPECT_GT(all, 0.99 * epsilon / 1000.0 - 0.001);
  }
}

// 20,000 seeded draws: five standard deviations are 0.0157.
TEST(RandomisedResponse, TellsTheTruthAsOftenAsStatedAndNotMore) {
  SeededRngForTests rng(7);
  for (const bool truth : {false, true}) {
    int told = 0;
    for (int i = 0; i < 20'000; ++i) told += dp::RandomisedResponse(truth, 1000, rng) == truth;
    EXPECT_NEAR(told / 20'000.0, dp::TruthProbability(1000), 0.0157);
  }
}

}  // namespace
}  // namespace veilsum::coordinator
