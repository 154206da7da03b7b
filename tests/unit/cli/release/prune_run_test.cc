// Pruning a model that real merchants as one pool trained without noise: what it costs on their
// hold-outs.
#include "cli/release/prune_run.h"

#include <iostream>

#include "client/data/dataset.h"
#include "client/data/manifest.h"
#include "client/train/local_training.h"
#include "model/contract/privacy_terms.h"
#include "model/init.h"
#include "model/plan/plan_format.h"
#include "tests/support/seeded_rng.h"
#include "tests/support/shared_files.h"
#include "tests/support/status_matchers.h"

namespace veilsum::cli {
namespace {

constexpr char kShoppers[] = "data/online_shoppers";

void TrainShoppers(release::ReleaseInput& input) {
  ASSERT_OK_AND_ASSIGN(input.plan, model::ReadPlanFile("deploy/examples/online_shoppers.toml"));
  ASSERT_OK_AND_ASSIGN(const client::Manifest manifest,
                       client::ReadManifest(SharedFile(kShoppers)));
  ASSERT_OK_AND_ASSIGN(const std::vector<client::Seat> seats,
                       client::SeatsOf(SharedFile(kShoppers), manifest, input.plan.pools));
  std::vector<std::filesystem::path> folders;
  for (const client::Seat& seat : seats)
    folders.insert(folders.end(), seat.folders.begin(), seat.folders.end());
  ASSERT_OK_AND_ASSIGN(const client::Dataset data, client::LoadDataset(input.plan, folders));
  const model::Layout layout = model::LayoutOf(input.plan);
  SeededRngForTests coins(5);
  ASSERT_OK_AND_ASSIGN(input.model, client::TrainAlone(layout, data.training,
                                                       model::InitialModel(layout, 5), {}, coins));
}

TEST(PruneRun, MakesASmallerModelOfRealData) {
  SKIP_WITHOUT_SHARED(kShoppers);
  release::ReleaseInput input;
  ASSERT_NO_FATAL_FAILURE(TrainShoppers(input));
  input.metrics["roc_auc"] = "0.9";
  ASSERT_OK_AND_ASSIGN(const PruneReport report,
                       PruneRun({0.5, SharedFile(kShoppers), 0.01}, input));
  std::cout << report.ToText() << "\n";
  EXPECT_EQ(report.rows, 2455u);
  EXPECT_GT(report.auc_before, 0.75);  // docs/benchmarks.md: 0.769 without noise
  EXPECT_GE(report.auc_after, report.auc_before - 0.01);
  EXPECT_LT(report.size_ratio, 0.5);
  EXPECT_LT(report.time_ratio, 0.9);
  EXPECT_THAT(input.plan.network.hidden, testing::ElementsAre(64u, 32u, 16u));
  EXPECT_EQ(input.model.size(), model::LayoutOf(input.plan).size());
  EXPECT_FALSE(input.metrics.contains("roc_auc"));
}

TEST(PruneRun, RefusesWhatLosesTooMuchAndChangesNothing) {
  SKIP_WITHOUT_SHARED(kShoppers);
  release::ReleaseInput input;
  ASSERT_NO_FATAL_FAILURE(TrainShoppers(input));
  const model::ModelVector before = input.model;
  EXPECT_THAT(PruneRun({0.01, SharedFile(kShoppers), 0.002}, input),
              StatusIs(absl::StatusCode::kFailedPrecondition, "at most 0.002 is allowed"));
  EXPECT_EQ(input.model, before);
  EXPECT_THAT(input.plan.network.hidden, testing::ElementsAre(128u, 64u, 32u));
}

TEST(PruneRun, RefusesALimitThatIsNone) {
  release::ReleaseInput input;
  EXPECT_THAT(PruneRun({0.5, "nowhere", -0.1}, input),
              StatusIs(absl::StatusCode::kInvalidArgument, "max-auc-loss is -0.1"));
}

}  // namespace
}  // namespace veilsum::cli
