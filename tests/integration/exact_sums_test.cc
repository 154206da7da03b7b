// Sums stay exact under drop-outs, and a coordinator that crashes continues from committed sums
// only.
#include "client/round/block_reservation.h"
#include "dp/analysis/rdp.h"
#include "tests/integration/tapped_federation.h"

namespace veilsum {
namespace {

void RunToTheEnd(TappedFederation& federation) {
  federation.StartCoordinator();
  federation.StartRun();
  federation.StartClients();
  federation.AwaitClients();
}

void ExpectFinished(TappedFederation& federation, int steps) {
  const admin::v1::RunProgress progress = federation.Progress();
  EXPECT_EQ(progress.state(), "finished") << progress.reason();
  EXPECT_EQ(progress.step(), static_cast<std::uint64_t>(steps));
  federation.ExpectExactSums();
  federation.ExpectHonestCharges();
  ASSERT_FALSE(federation.commits().empty());
  EXPECT_EQ(*federation.FinalModel(), federation.commits().back().model->bytes);
  EXPECT_EQ(federation.store().LoadRun(federation.run_id())->state, "finished");
}

struct Case {
  const char* name;
  bool is_private, statistics, drops;
  std::size_t members;
  int cohorts = 0;
  int bands = 1;
  int local_steps = 0;
};

class ExactSums : public testing::TestWithParam<Case> {};

TEST_P(ExactSums, EveryCommittedSumIsThePlainOne) {
  const Case& c = GetParam();
  FederationRunOptions options;
  options.members = c.members;
  options.plan.is_private = c.is_private;
  options.plan.statistics = c.statistics;
  options.plan.averaging = c.drops ? "0.9" : "";
  options.plan.cohorts = c.cohorts;
  options.plan.bands = c.bands;
  options.plan.local_steps = c.local_steps;
  if (c.bands > 1) options.plan.sampling_rate = "1/4";
  options.seed = 11;
  if (c.drops) {
    options.drop_fraction = Rational::Create(1, 5).value();
    options.plan.steps = 8;
    options.plan.attempts_max = 24;
    options.plan.min_survivors = static_cast<int>((c.members + 1) / 2 + 1);
  }
  TappedFederation federation(options);
  RunToTheEnd(federation);
  ExpectFinished(federation, options.plan.steps);
  const auto incomplete = std::ranges::count_if(federation.commits(), [&](const auto& commit) {
    return commit.survivors.size() < c.members;
  });
  EXPECT_EQ(incomplete > 0, c.drops) << "the drop-outs this test is about";
}

INSTANTIATE_TEST_SUITE_P(Runs, ExactSums,
                         testing::Values(Case{"Private", true, false, false, 5},
                                         Case{"PrivateStatistics", true, true, false, 5},
                                         Case{"None", false, false, false, 5},
                                         Case{"NoneStatistics", false, true, false, 6},
                                         Case{"PrivateDrops", true, false, true, 7},
                                         Case{"PrivateStatisticsDrops", true, true, true, 9},
                                         Case{"NoneDrops", false, false, true, 7},
                                         Case{"NoneStatisticsDrops", false, true, true, 9},
                                         Case{"Cohorts", true, true, false, 8, 2},
                                         Case{"Bands", true, true, false, 5, 0, 3},
                                         Case{"BandsDrops", true, false, true, 7, 0, 4},
                                         Case{"BandsCohorts", true, true, false, 8, 2, 2},
                                         Case{"Local", true, true, false, 5, 0, 1, 3},
                                         Case{"LocalDrops", true, false, true, 7, 0, 1, 2}),
                         [](const auto& c) { return std::string(c.param.name); });

// Numbers that leave the ring: the sum is the plain one modulo 2^32, centred.
class HugeContribution final : public client::Contribution {
 public:
  explicit HugeContribution(const model::RunContract& contract) : contract_(contract) {}
  absl::StatusOr<dp::NoisedVector> Compute(const model::RoundPurpose& purpose,
                                           const model::ModelVector&) override {
    std::vector<std::int64_t> grid(contract_.sums[purpose.sum].dimension);
    for (std::size_t i = 0; i < grid.size(); ++i)
      grid[i] = (i % 2 == 0 ? 1 : -1) *
                ((std::int64_t{1} << 31) - 1 - static_cast<std::int64_t>(i * purpose.attempt));
    return dp::NoiseShare::CreateWithoutPrivacy().AddTo(
        dp::ClippedSum::FromCertifiedContributions(std::move(grid)), rng_);
  }

 private:
  const model::RunContract contract_;
  SeededRngForTests rng_{1};
};

TEST(ExactSumsEdge, WrapAroundTheRingIsThatOfThePlainSum) {
  FederationRunOptions options;
  options.plan.is_private = options.plan.statistics = false;
  options.contribution = [](const client::ApprovedRun& run) {
    return std::make_unique<HugeContribution>(run.contract());
  };
  TappedFederation federation(options);
  RunToTheEnd(federation);
  ExpectFinished(federation, options.plan.steps);
}

struct Crash {
  const char* call;
  int n;
  int bands = 1;
};

class Restart : public testing::TestWithParam<Crash> {};

TEST_P(Restart, ContinuesFromCommittedSumsAndOpensNoAttemptTwice) {
  FederationRunOptions options;
  options.plan.is_private = GetParam().n == 1 || GetParam().bands > 1;
  options.plan.bands = GetParam().bands;
  if (GetParam().bands > 1) options.plan.sampling_rate = "1/4";
  options.plan.attempts_max = 20;
  options.plan.averaging = "0.5";
  options.seed = 21;
  TappedFederation federation(options);
  federation.StartCoordinator();
  federation.StartRun();
  federation.CrashAfter(GetParam().call, GetParam().n);
  federation.StartClients();
  federation.AwaitCrash();
  const std::size_t committed = federation.commits().size();
  federation.StartCoordinator();
  federation.AwaitClients();
  ExpectFinished(federation, options.plan.steps);
  EXPECT_GT(federation.commits().size(), committed);
}

INSTANTIATE_TEST_SUITE_P(Crashes, Restart,
                         testing::Values(Crash{"SaveApproval", 3}, Crash{"OpenBlock", 1},
                                         Crash{"OpenBlock", 2}, Crash{"Freeze", 1},
                                         Crash{"Freeze", 3}, Crash{"Commit", 1}, Crash{"Commit", 4},
                                         Crash{"Commit", 3, 4}),
                         [](const auto& c) {
                           return std::string(c.param.bands > 1 ? "BandsAfter" : "After") +
                                  c.param.call + std::to_string(c.param.n);
                         });

// A whole block for the first attempt, a third for each later one: what the contract's numbers say.
TEST(BandedSums, AreReservedAndSpentAsBlocksOfRows) {
  FederationRunOptions options;
  options.plan.bands = 3;
  options.plan.statistics = false;
  options.plan.sampling_rate = "1/4";
  options.plan.steps = 6;
  options.seed = 51;
  TappedFederation federation(options);
  RunToTheEnd(federation);
  ExpectFinished(federation, options.plan.steps);
  ASSERT_OK_AND_ASSIGN(const client::BlockTotals totals,
                       federation.odometer(0).Totals(client::TrainingBlock(1)));
  ASSERT_OK_AND_ASSIGN(
      const coordinator::RunTerms terms,
      coordinator::RunTerms::Restore(model::PlanToJson(federation.plan()), federation.contract()));
  const double z = std::stod(terms.contract().sums[0].noise_multiplier);
  const double release = dp::RdpAtOrder(0.75, z, totals.budget.order);
  EXPECT_EQ(terms.contract().sums[0].sampling_rate, "3/4");
  const auto attempts =
      static_cast<double>(federation.odometer(0).Load(terms.contract_hash())->attempts);
  EXPECT_GE(attempts, options.plan.steps);
  EXPECT_NEAR(totals.spent / release, (attempts + 2) / 3, 1e-6);
}

TEST(RestartTwice, UnderDropOuts) {
  FederationRunOptions options;
  options.members = 7;
  options.drop_fraction = Rational::Create(1, 5).value();
  options.plan.steps = 8;
  options.plan.attempts_max = 40;
  options.plan.min_survivors = 5;
  options.seed = 31;
  TappedFederation federation(options);
  federation.StartCoordinator();
  federation.StartRun();
  federation.CrashAfter("Freeze", 2);
  federation.StartClients();
  federation.AwaitCrash();
  federation.CrashAfter("Commit", 2);
  federation.StartCoordinator();
  federation.AwaitCrash();
  federation.StartCoordinator();
  federation.AwaitClients();
  ExpectFinished(federation, options.plan.steps);
}

}  // namespace
}  // namespace veilsum
