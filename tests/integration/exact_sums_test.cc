// Sums stay exact under drop-outs, and a coordinator that crashes continues from committed sums
// only.
#include "client/round/block_reservation.h"
#include "dp/analysis/rdp.h"
#include "model/init.h"
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
  int merchant_steps = 0;
  int quantile_bins = 0;
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
  options.plan.merchant_steps = c.merchant_steps;
  options.plan.quantile_bins = c.quantile_bins;
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

INSTANTIATE_TEST_SUITE_P(
    Runs, ExactSums,
    testing::Values(
        Case{"Private", true, false, false, 5}, Case{"PrivateStatistics", true, true, false, 5},
        Case{"None", false, false, false, 5}, Case{"NoneStatistics", false, true, false, 6},
        Case{"PrivateDrops", true, false, true, 7},
        Case{"PrivateStatisticsDrops", true, true, true, 9},
        Case{"NoneDrops", false, false, true, 7}, Case{"NoneStatisticsDrops", false, true, true, 9},
        Case{"Cohorts", true, true, false, 8, 2}, Case{"Bands", true, true, false, 5, 0, 3},
        Case{"BandsDrops", true, false, true, 7, 0, 4},
        Case{"BandsCohorts", true, true, false, 8, 2, 2},
        Case{"Local", true, true, false, 5, 0, 1, 3},
        Case{"LocalDrops", true, false, true, 7, 0, 1, 2},
        Case{"MerchantDrops", true, false, true, 7, 0, 1, 0, 2},
        Case{"Quantiles", true, true, false, 5, 0, 1, 0, 0, 16},
        Case{"QuantilesCohorts", true, true, false, 8, 2, 1, 0, 0, 16}),
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
  int merchant_steps = 0;
};

class Restart : public testing::TestWithParam<Crash> {};

TEST_P(Restart, ContinuesFromCommittedSumsAndOpensNoAttemptTwice) {
  FederationRunOptions options;
  options.plan.is_private = GetParam().n == 1 || GetParam().bands > 1;
  options.plan.bands = GetParam().bands;
  options.plan.merchant_steps = GetParam().merchant_steps;
  options.plan.statistics = GetParam().merchant_steps == 0;
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
                                         Crash{"Commit", 3, 4}, Crash{"Commit", 2, 1, 2}),
                         [](const auto& c) {
                           return std::string(c.param.bands > 1            ? "BandsAfter"
                                              : c.param.merchant_steps > 0 ? "MerchantAfter"
                                                                           : "After") +
                                  c.param.call + std::to_string(c.param.n);
                         });

// The run waits for its store, in the same process, and nothing is lost or charged twice.
class FullDisk : public testing::TestWithParam<Crash> {};

TEST_P(FullDisk, SuspendsTheRunUntilThereIsRoom) {
  FederationRunOptions options;
  options.plan.steps = 6;
  options.plan.attempts_max = 24;
  options.seed = 22;
  TappedFederation federation(options);
  federation.StartCoordinator();
  federation.StartRun();
  federation.FillDiskAt(GetParam().call, GetParam().n, 4);
  federation.StartClients();
  federation.AwaitClients();
  ExpectFinished(federation, options.plan.steps);
}

INSTANTIATE_TEST_SUITE_P(Writes, FullDisk,
                         testing::Values(Crash{"OpenBlock", 2}, Crash{"Freeze", 2},
                                         Crash{"Commit", 3}, Crash{"SetRunState", 1}),
                         [](const auto& c) { return std::string("At") + c.param.call; });

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

// Merchant mode from the plan to the model: the clip norm travels in the model and moves by the
// share of merchants that were not clipped, and the merchants' own blocks pay for twice the
// sensitivity.
TEST(MerchantMode, DP20_TheClipNormFollowsTheMerchants) {
  for (const auto& [initial, unclipped] : {std::pair("1000", 1.0), std::pair("0.00001", 0.0)}) {
    FederationRunOptions options;
    options.plan.is_private = options.plan.statistics = false;
    options.plan.merchant_steps = 2;
    options.plan.initial_clip = initial;
    options.plan.steps = 4;
    options.seed = 61;
    TappedFederation federation(options);
    RunToTheEnd(federation);
    ExpectFinished(federation, options.plan.steps);
    const model::Layout layout = model::LayoutOf(federation.plan());
    ASSERT_OK_AND_ASSIGN(const model::ModelVector model,
                         model::ParseModelBytes(*federation.FinalModel(), layout.size()));
    double moved = std::stod(initial);  // every survivor's bit, over five merchants
    for (const coordinator::RoundCommit& commit : federation.commits())
      moved *=
          std::exp(-0.2 * (unclipped - 0.5) * static_cast<double>(commit.survivors.size()) / 5);
    EXPECT_NEAR(model[*layout.clip_norm()] / moved, 1, 1e-5);
    // Updates are clipped together, and their sum is divided by a constant.
    double square = 0;
    const model::ModelVector start = model::InitialModel(layout, options.seed);
    for (std::size_t i = layout.buffers(); i < layout.size(); ++i)
      square += std::pow(static_cast<double>(model[i]) - static_cast<double>(start[i]), 2);
    if (unclipped == 0) {  // a clip norm of 1000 rounds such updates to nothing
      EXPECT_GT(square, 0);
      EXPECT_LE(std::sqrt(square), 4 * moved);
    }
  }
}

TEST(MerchantMode, DP20_BlocksPayForACustomer) {
  FederationRunOptions options;
  options.plan.statistics = false;
  options.plan.merchant_steps = 2;
  options.seed = 62;
  TappedFederation federation(options);
  RunToTheEnd(federation);
  ExpectFinished(federation, options.plan.steps);
  ASSERT_OK_AND_ASSIGN(const client::BlockTotals totals,
                       federation.odometer(0).Totals(client::TrainingBlock(1)));
  ASSERT_OK_AND_ASSIGN(
      const coordinator::RunTerms terms,
      coordinator::RunTerms::Restore(model::PlanToJson(federation.plan()), federation.contract()));
  const double z = std::stod(terms.contract().sums[0].noise_multiplier);
  const auto attempts =
      static_cast<double>(federation.odometer(0).Load(terms.contract_hash())->attempts);
  EXPECT_GE(attempts, options.plan.steps);
  EXPECT_NEAR(totals.spent / (attempts * dp::RdpAtOrder(1, z / 2, totals.budget.order)), 1, 1e-6);
}

// The statistics round as histograms: without noise the inputs' centres are the customers' medians.
TEST(Quantiles, StandardiseByMedians) {
  FederationRunOptions options;
  options.plan.is_private = false;
  options.plan.quantile_bins = 64;
  options.plan.steps = 1;
  options.seed = 63;
  TappedFederation federation(options);
  RunToTheEnd(federation);
  ExpectFinished(federation, options.plan.steps);
  const model::Layout layout = model::LayoutOf(federation.plan());
  ASSERT_OK_AND_ASSIGN(const model::ModelVector model,
                       model::ParseModelBytes(*federation.FinalModel(), layout.size()));
  std::vector<std::vector<float>> values(layout.numeric());
  for (std::size_t member = 0; member < federation.seats().size(); ++member) {
    const model::Examples examples = federation.Training(member);
    for (std::size_t row = 0; row < examples.rows(); ++row)
      for (std::size_t j = 0; j < values.size(); ++j)
        values[j].push_back(examples.NumericOf(row)[j]);
  }
  for (std::size_t j = 0; j < values.size(); ++j) {
    std::ranges::sort(values[j]);
    const auto below = [&](double u) {
      return static_cast<double>(std::ranges::lower_bound(values[j], u) - values[j].begin()) /
             static_cast<double>(values[j].size());
    };
    const double bin = 2.0 / 64;
    EXPECT_LE(below(model[j] - bin), 0.5) << j;
    EXPECT_GE(below(model[j] + bin), 0.5) << j;
    const double deviation = 1 / model[layout.numeric() + j];
    EXPECT_NEAR(below(model[j] + deviation) - below(model[j] - deviation), 0.68, 0.2) << j;
  }
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
