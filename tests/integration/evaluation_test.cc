// Private evaluation at the end of a run: the hold-outs' histograms pass through the same secure
// sum, are charged to the hold-out's block, survive a crash of the coordinator, and say about the
// published model what the plain histograms say.
#include "client/round/block_reservation.h"
#include "client/train/score_histogram.h"
#include "coordinator/run/stored_run.h"
#include "dp/mechanism/private_auc.h"
#include "tests/integration/tapped_federation.h"

namespace veilsum {
namespace {

FederationRunOptions Evaluated() {
  FederationRunOptions options;
  options.plan.evaluation_attempts = 2;
  options.plan.averaging = "0.5";
  options.holdout_customers = 40;
  options.seed = 41;
  return options;
}

void RunAll(TappedFederation& federation) {
  federation.StartCoordinator();
  federation.StartRun();
  federation.StartClients();
  federation.AwaitClients();
}

// What the final model's plain histograms say, over the hold-outs of those who were in the sum.
std::vector<std::int64_t> PlainCells(TappedFederation& federation) {
  const model::Layout layout = model::LayoutOf(federation.plan());
  const model::ModelVector model =
      model::ParseModelBytes(*federation.FinalModel(), layout.size()).value();
  const dp::ScoreHistogramGrid grid = model::EvaluationBins(federation.plan());
  std::vector<std::int64_t> cells(dp::ScoreHistogramDimension(grid));
  const coordinator::MemberList& survivors = federation.commits().back().survivors;
  for (std::size_t i = 0; i < federation.seats().size(); ++i) {
    if (!std::ranges::binary_search(survivors, federation.seats()[i])) continue;
    const auto mine =
        client::ScoreHistograms(layout, model, federation.Holdout(i),
                                {.bins = grid.bins, .scale_log2 = 16, .groups = grid.groups})
            .value();
    for (std::size_t c = 0; c < cells.size(); ++c) cells[c] += mine[c];
  }
  return cells;
}

dp::PrivateAuc PlainFigures(TappedFederation& federation) {
  return *dp::AucOfHistograms(model::EvaluationBins(federation.plan()), PlainCells(federation), 0);
}

void ExpectGroups(TappedFederation& federation) {
  const admin::v1::Evaluation evaluation = federation.Progress().evaluation();
  const dp::ScoreHistogramGrid grid = model::EvaluationBins(federation.plan());
  const std::vector<std::int64_t> cells = PlainCells(federation);
  ASSERT_EQ(evaluation.groups_size(), 3);
  for (std::uint32_t g = 0; g < 3; ++g) {
    const admin::v1::EvaluationGroup& group = evaluation.groups(static_cast<int>(g));
    EXPECT_EQ(group.name(), (std::array{"a", "b", "other"})[g]);
    ASSERT_EQ(group.unusable(), "") << group.name();
    ASSERT_OK_AND_ASSIGN(const dp::PrivateGroup plain, dp::GroupOfHistograms(grid, g, cells, 0));
    for (const auto& [shown, exact] :
         {std::pair(group.roc_auc(), plain.auc), std::pair(group.selected(), plain.selected),
          std::pair(group.true_positives(), plain.true_positives),
          std::pair(group.false_positives(), plain.false_positives)}) {
      EXPECT_LE(shown.low(), shown.value());
      EXPECT_GE(shown.high(), shown.value());
      EXPECT_NEAR(shown.value(), exact.value, 1e-9 + 2.8 * (shown.high() - shown.low()) / 2)
          << group.name();
    }
  }
}

void ExpectEvaluated(TappedFederation& federation, const FederationRunOptions& options) {
  const admin::v1::RunProgress progress = federation.Progress();
  EXPECT_EQ(progress.state(), "finished") << progress.reason();
  EXPECT_EQ(progress.step(), static_cast<std::uint64_t>(options.plan.steps));
  federation.ExpectExactSums();
  federation.ExpectHonestCharges();
  ASSERT_TRUE(progress.has_evaluation());
  const admin::v1::Evaluation& evaluation = progress.evaluation();
  EXPECT_EQ(evaluation.unusable(), "");
  EXPECT_EQ(evaluation.step(), progress.step());
  EXPECT_EQ(evaluation.model_hash(), progress.model_hash());
  EXPECT_LT(evaluation.low(), evaluation.roc_auc());
  EXPECT_GT(evaluation.high(), evaluation.roc_auc());
  EXPECT_EQ(evaluation.calibration_size(), 8);
  const dp::PrivateAuc plain = PlainFigures(federation);
  EXPECT_NEAR(evaluation.roc_auc(), plain.auc, 5.33 * evaluation.noise_error());
  // Half an interval is 1.96 standard deviations of noise and sampling.
  for (const auto& [shown, exact] : {std::pair(evaluation.accuracy(), plain.accuracy.value),
                                     std::pair(evaluation.log_loss(), plain.log_loss.value)}) {
    EXPECT_LT(shown.low(), shown.high());
    EXPECT_NEAR(shown.value(), exact, 2.8 * (shown.high() - shown.low()) / 2);
  }
}

// A release is made of a run that may have ended before the coordinator was started again.
void ExpectStored(TappedFederation& federation) {
  const admin::v1::Evaluation shown = federation.Progress().evaluation();
  ASSERT_OK_AND_ASSIGN(const admin::v1::GetRunResponse stored,
                       coordinator::StoredRun(federation.store(), federation.run_id()));
  EXPECT_EQ(stored.progress().evaluation().SerializeAsString(), shown.SerializeAsString());
  const admin::v1::ScoreHistogram& histogram = shown.score_histogram();
  ASSERT_OK_AND_ASSIGN(
      const dp::PrivateAuc again,
      dp::AucOfHistograms(
          {histogram.bins(), static_cast<int>(histogram.scale_log2())},
          std::vector<std::int64_t>(histogram.cells().begin(), histogram.cells().end()),
          histogram.noise_sigma()));
  EXPECT_DOUBLE_EQ(again.auc, shown.roc_auc());
  EXPECT_NEAR(again.noise_error, shown.noise_error(), 1e-12);
}

// SE-11: each block pays for what looked at its customers.
void ExpectChargedToTheHoldOutsBlock(TappedFederation& federation, std::size_t members) {
  for (std::size_t i = 0; i < members; ++i) {
    ASSERT_OK_AND_ASSIGN(const client::BlockTotals training,
                         federation.odometer(i).Totals(client::TrainingBlock(1)));
    ASSERT_OK_AND_ASSIGN(const client::BlockTotals holdout,
                         federation.odometer(i).Totals(client::HoldoutBlock(1)));
    EXPECT_GT(training.spent, 0);
    EXPECT_NEAR(holdout.spent, holdout.limit / 2, 1e-6 * holdout.limit) << "one attempt of two";
    EXPECT_EQ(holdout.reserved + training.reserved, 0) << "the rest is given back";
  }
}

TEST(Evaluation, ScoresThePublishedModelOnHoldOutsThroughTheSecureSum) {
  const FederationRunOptions options = Evaluated();
  TappedFederation federation(options);
  RunAll(federation);
  ExpectEvaluated(federation, options);
  const admin::v1::RunProgress progress = federation.Progress();
  const model::RunContract contract = model::ContractFromJson(federation.contract()).value();
  ASSERT_EQ(contract.sums.back().purpose, "evaluation");
  const coordinator::RoundCommit& last = federation.commits().back();
  EXPECT_EQ(last.round, model::LastRoundOf(contract, contract.sums.size() - 2) + 1)
      << "the first attempt of evaluation, after all that training might have had";
  EXPECT_FALSE(last.model.has_value());
  EXPECT_EQ(progress.evaluation().survivors(), last.survivors.size());
  // Charged: what was opened, no attempt that was passed over.
  EXPECT_EQ(progress.attempts(), 1u + static_cast<std::uint64_t>(options.plan.steps) + 1);
  EXPECT_EQ(progress.round(), progress.attempts());
  ExpectChargedToTheHoldOutsBlock(federation, options.members);
}

// A histogram of each group: the same claim and the same charge, a longer sum.
TEST(Evaluation, OfGroupsCostsNoMore) {
  FederationRunOptions options = Evaluated();
  options.plan.evaluation_groups = true;
  options.holdout_customers = 200;
  TappedFederation federation(options);
  RunAll(federation);
  ExpectEvaluated(federation, options);
  ExpectStored(federation);
  ExpectGroups(federation);
  ExpectChargedToTheHoldOutsBlock(federation, options.members);
  const model::SumSpec sum = model::ContractFromJson(federation.contract()).value().sums.back();
  EXPECT_EQ(sum.dimension, 48u);
  options.plan.evaluation_groups = false;
  TappedFederation plain(options);
  RunAll(plain);
  const model::SumSpec alone = model::ContractFromJson(plain.contract()).value().sums.back();
  EXPECT_EQ(sum.sensitivity, alone.sensitivity);
  EXPECT_EQ(sum.noise_sigma, alone.noise_sigma);
  EXPECT_EQ(sum.share_sigma, alone.share_sigma);
}

TEST(Evaluation, OfGroupsSurvivesACrash) {
  FederationRunOptions options = Evaluated();
  options.plan.evaluation_groups = true;
  options.holdout_customers = 200;
  TappedFederation federation(options);
  federation.StartCoordinator();
  federation.StartRun();
  federation.CrashAfter("Freeze", 7);
  federation.StartClients();
  federation.AwaitCrash();
  federation.StartCoordinator();
  federation.AwaitClients();
  ExpectEvaluated(federation, options);
  ExpectGroups(federation);
}

struct EvaluationCrash {
  const char* call;
  int n;  // with five steps after one round of statistics
};
class EvaluationRestart : public testing::TestWithParam<EvaluationCrash> {};

TEST_P(EvaluationRestart, IsDoneOnceMoreOrNotLost) {
  const FederationRunOptions options = Evaluated();
  TappedFederation federation(options);
  federation.StartCoordinator();
  federation.StartRun();
  federation.CrashAfter(GetParam().call, GetParam().n);
  federation.StartClients();
  federation.AwaitCrash();
  federation.StartCoordinator();
  federation.AwaitClients();
  ExpectEvaluated(federation, options);
}

INSTANTIATE_TEST_SUITE_P(Crashes, EvaluationRestart,
                         testing::Values(EvaluationCrash{"OpenBlock", 3},
                                         EvaluationCrash{"Freeze", 7}),
                         [](const auto& c) {
                           return std::string("After") + c.param.call + std::to_string(c.param.n);
                         });

TEST(Evaluation, WorksWithoutNoiseAndUnderDropOuts) {
  FederationRunOptions options = Evaluated();
  options.plan.is_private = false;
  options.members = 7;
  options.drop_fraction = Rational::Create(1, 5).value();
  options.plan.min_survivors = 5;
  options.plan.attempts_max = 24;
  options.plan.evaluation_attempts = 8;
  TappedFederation federation(options);
  RunAll(federation);
  const admin::v1::RunProgress progress = federation.Progress();
  EXPECT_EQ(progress.state(), "finished") << progress.reason();
  federation.ExpectExactSums();
  federation.ExpectHonestCharges();
  ASSERT_TRUE(progress.has_evaluation());
  EXPECT_EQ(progress.evaluation().unusable(), "");
  EXPECT_EQ(progress.evaluation().noise_error(), 0);
  EXPECT_EQ(progress.evaluation().roc_auc(), PlainFigures(federation).auc);
  EXPECT_GE(progress.evaluation().survivors(), 5u);
}

// With one label only there is nothing to rank, and the run ends as it would have.
TEST(Evaluation, SaysWhyThereIsNoNumber) {
  FederationRunOptions options = Evaluated();
  options.holdout_customers = 1;
  TappedFederation federation(options);
  RunAll(federation);
  const admin::v1::RunProgress progress = federation.Progress();
  EXPECT_EQ(progress.state(), "finished") << progress.reason();
  ASSERT_TRUE(progress.has_evaluation());
  EXPECT_NE(progress.evaluation().unusable(), "");
  EXPECT_EQ(progress.evaluation().calibration_size(), 0);
}

}  // namespace
}  // namespace veilsum
