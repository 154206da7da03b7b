#include "dp/audit/one_run_bound.h"

#include <cmath>

#include "dp/audit/canary_game.h"
#include "tests/support/seeded_rng.h"
#include "tests/support/status_matchers.h"

namespace veilsum::dp {
namespace {

// The rows audit_one_run of the golden values.
TEST(OneRunBound, GoldenRows) {
  struct Row {
    CanaryGuesses guesses;
    double significance, delta, epsilon;
  };
  for (const Row& row :
       {Row{{1000, 100, 95}, 0.05, 1e-5, 2.1651758}, Row{{1000, 100, 100}, 0.05, 1e-5, 3.46537635},
        Row{{1000, 200, 190}, 0.05, 0, 2.39787148}, Row{{5000, 500, 500}, 0.01, 1e-6, 4.65234366}})
    EXPECT_NEAR(*EpsilonLowerBound(row.guesses, row.delta, row.significance), row.epsilon, 2e-6);
}

TEST(OneRunBound, ChanceLevelsRefuteNothing) {
  EXPECT_EQ(*EpsilonLowerBound({1000, 100, 50}, 1e-6, 0.05), 0);
  EXPECT_EQ(*EpsilonLowerBound({1000, 100, 0}, 1e-6, 0.05), 0);
  EXPECT_NEAR(ChanceOfGuesses({100, 1, 1}, 0, 0), 0.5, 1e-12);
}

TEST(OneRunBound, RefusesWhatHasNoMeaning) {
  EXPECT_THAT(EpsilonLowerBound({10, 11, 1}, 0, 0.05), StatusIs(kInvalid, "guesses is 11"));
  EXPECT_THAT(EpsilonLowerBound({10, 0, 0}, 0, 0.05), StatusIs(kInvalid, "guesses is 0"));
  EXPECT_THAT(EpsilonLowerBound({10, 5, 6}, 0, 0.05), StatusIs(kInvalid, "correct is 6"));
  EXPECT_THAT(EpsilonLowerBound({10, 5, 5}, 1, 0.05), StatusIs(kInvalid, "delta"));
  EXPECT_THAT(EpsilonLowerBound({10, 5, 5}, NAN, 0.05), StatusIs(kInvalid, "delta"));
  EXPECT_THAT(EpsilonLowerBound({10, 5, 5}, 0, 0), StatusIs(kInvalid, "significance"));
  EXPECT_THAT(EpsilonLowerBound({std::uint64_t{1} << 25, 5, 5}, 0, 0.05),
              StatusIs(kInvalid, "canaries"));
}

// Randomised response of epsilon answers every canary with its coin or the opposite: the mechanism
// for which the bound is tight. It is refuted at less than its epsilon, never at more; 20 games at
// 5 % false alarms exceed 5 with probability 3e-4.
TEST(CanaryGame, RandomisedResponseIsMeasured) {
  constexpr double kEpsilon = 1.5;
  const double truthful = std::exp(kEpsilon) / (1 + std::exp(kEpsilon));
  SeededRngForTests rng(5);
  int alarms = 0;
  double best = 0;
  for (int game = 0; game < 20; ++game) {
    const std::vector<bool> in = DrawCanaryCoins(2000, rng);
    std::vector<double> score;
    for (const bool coin : in) {
      std::uint32_t word;
      rng.Fill({reinterpret_cast<std::uint8_t*>(&word), sizeof word});
      score.push_back(coin == (word * 0x1p-32 < truthful));
    }
    const CanaryScore scores[] = {{"answer", score}};
    const std::uint64_t guesses[] = {500};
    ASSERT_OK_AND_ASSIGN(const AuditEvidence evidence,
                         EvaluateCanaries(in, scores, guesses, 0, 0.05));
    alarms += evidence.epsilon_lower_bound > kEpsilon;
    best = std::max(best, evidence.epsilon_lower_bound);
  }
  EXPECT_LE(alarms, 5);
  EXPECT_GT(best, 0.8 * kEpsilon);
}

TEST(CanaryGame, CoinsAreFairAndSizesMustAgree) {
  SeededRngForTests rng(6);
  const std::vector<bool> in = DrawCanaryCoins(100'001, rng);
  ASSERT_EQ(in.size(), 100'001u);
  const double heads = static_cast<double>(std::count(in.begin(), in.end(), true));
  EXPECT_NEAR(heads, 50'000, 5.33 * std::sqrt(25'000));
  const CanaryScore scores[] = {{"short", {1, 2}}};
  const std::uint64_t guesses[] = {1};
  EXPECT_THAT(EvaluateCanaries(in, scores, guesses, 0, 0.05),
              StatusIs(kInvalid, "short has 2 values"));
  EXPECT_THAT(EvaluateCanaries(in, {}, guesses, 0, 0.05), StatusIs(kInvalid, "at least one"));
}

}  // namespace
}  // namespace veilsum::dp
