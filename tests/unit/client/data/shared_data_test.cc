// The loader against the three published data sets: counts and figures of their README files and of
// REFERENCE.md.
#include <algorithm>

#include "client/data/dataset.h"
#include "client/data/manifest.h"
#include "model/plan/plan_format.h"
#include "tests/support/shared_files.h"
#include "tests/support/status_matchers.h"

namespace veilsum::client {
namespace {

struct Totals {
  std::size_t merchants = 0, training = 0, holdout = 0, positives = 0;
};

void LoadAll(const std::string& name, Totals& totals) {
  const std::filesystem::path folder = SharedFile("data/" + name);
  ASSERT_OK_AND_ASSIGN(const model::Plan plan,
                       model::ReadPlanFile("deploy/examples/" + name + ".toml"));
  ASSERT_OK_AND_ASSIGN(const Manifest manifest, ReadManifest(folder));
  EXPECT_EQ(manifest.dataset, name);
  totals.merchants = manifest.merchants.size();
  for (const std::string& merchant : manifest.merchants) {
    ASSERT_OK_AND_ASSIGN(const Dataset data, LoadDataset(plan, {folder / "merchants" / merchant}));
    EXPECT_EQ(data.training.rows(), data.training.customers());
    EXPECT_EQ(data.bad_rows, 0u);
    EXPECT_EQ(data.unlabelled, 0u);
    totals.training += data.training.customers();
    totals.holdout += data.holdout.customers();
    for (const float label : data.holdout.labels) totals.positives += label == 1.0f;
  }
}

TEST(SharedData, OnlineShoppersHasThePublishedCounts) {
  SKIP_WITHOUT_SHARED("data/online_shoppers");
  Totals totals;
  LoadAll("online_shoppers", totals);
  EXPECT_EQ(totals.merchants, 9u);
  EXPECT_EQ(totals.training, 9875u);
  EXPECT_EQ(totals.holdout, 2455u);
  EXPECT_EQ(totals.positives, 352u);
}

TEST(SharedData, AdultHasThePublishedCounts) {
  SKIP_WITHOUT_SHARED("data/adult");
  Totals totals;
  LoadAll("adult", totals);
  EXPECT_EQ(totals.merchants, 15u);
  EXPECT_EQ(totals.training, 32561u);
  EXPECT_EQ(totals.holdout, 16281u);
  EXPECT_EQ(totals.positives, 3846u);
}

TEST(SharedData, WomensClothingHasThePublishedCounts) {
  SKIP_WITHOUT_SHARED("data/womens_clothing");
  Totals totals;
  LoadAll("womens_clothing", totals);
  EXPECT_EQ(totals.merchants, 7u);
  EXPECT_EQ(totals.training, 18798u);
  EXPECT_EQ(totals.holdout, 4688u);
  EXPECT_EQ(totals.positives, 3881u);
}

TEST(SharedData, TheWorkedExampleOfTheReference) {
  SKIP_WITHOUT_SHARED("data/online_shoppers");
  ASSERT_OK_AND_ASSIGN(const model::Plan plan,
                       model::ReadPlanFile("deploy/examples/online_shoppers.toml"));
  ASSERT_OK_AND_ASSIGN(const Dataset data,
                       LoadDataset(plan, {SharedFile("data/online_shoppers/merchants/region_1")}));
  const auto& ids = data.training.customer_ids;
  const auto found = std::find(ids.begin(), ids.end(), "s00001");
  ASSERT_NE(found, ids.end());
  const auto row = static_cast<std::size_t>(found - ids.begin());
  const float expected[] = {-1, -1, -1, -1, -0.681965f, -0.246438f, -1, 0.045517f, -1};
  for (std::size_t i = 0; i < 9; ++i)
    EXPECT_NEAR(data.training.NumericOf(row)[i], expected[i], 1e-6) << i;
  EXPECT_THAT(data.training.ActiveOf(row), testing::ElementsAre(22, 42, 85, 130, 172, 177));
}

TEST(SharedData, TheTextOfTheReference) {
  SKIP_WITHOUT_SHARED("data/womens_clothing");
  ASSERT_OK_AND_ASSIGN(model::Plan plan,
                       model::ReadPlanFile("deploy/examples/womens_clothing.toml"));
  for (model::Feature& feature : plan.features)
    if (feature.is_list()) feature.buckets = 4096;
  ASSERT_OK_AND_ASSIGN(
      const Dataset data,
      LoadDataset(plan, {SharedFile("data/womens_clothing/merchants/dept_bottoms")}));
  const auto& ids = data.training.customer_ids;
  const auto row = static_cast<std::size_t>(std::ranges::find(ids, "r00003") - ids.begin());
  ASSERT_LT(row, ids.size());
  ASSERT_EQ(data.training.lists.size(), 1u);
  const auto weights = data.training.lists[0].WeightsOf(row);
  const auto ids_of_row = data.training.lists[0].IdsOf(row);
  const auto love = std::ranges::find(ids_of_row, 293u) - ids_of_row.begin();
  ASSERT_LT(static_cast<std::size_t>(love), ids_of_row.size());
  EXPECT_NEAR(weights[static_cast<std::size_t>(love)], 0.363803, 1e-6);
  EXPECT_EQ(std::ranges::max(weights), weights[static_cast<std::size_t>(love)]);
  EXPECT_EQ(std::ranges::count_if(weights, [](float w) { return w != 0; }), 43);
}

TEST(SharedData, TheSmallestMerchantIsRefusedWithAdvice) {
  SKIP_WITHOUT_SHARED("data/adult");
  ASSERT_OK_AND_ASSIGN(const model::Plan plan, model::ReadPlanFile("deploy/examples/adult.toml"));
  ASSERT_OK_AND_ASSIGN(const Dataset data,
                       LoadDataset(plan, {SharedFile("data/adult/merchants/occ_armed_forces")}));
  EXPECT_EQ(data.training.customers(), 9u);
  EXPECT_THAT(CheckPopulation(plan, data.training, "occ_armed_forces"),
              StatusIs(absl::StatusCode::kFailedPrecondition, "pool it with another"));
}

TEST(SharedData, PoolingGivesTheSmallDepartmentsASeat) {
  SKIP_WITHOUT_SHARED("data/womens_clothing");
  ASSERT_OK_AND_ASSIGN(const model::Plan plan,
                       model::ReadPlanFile("deploy/examples/womens_clothing.toml"));
  const std::filesystem::path folder = SharedFile("data/womens_clothing");
  ASSERT_OK_AND_ASSIGN(const Manifest manifest, ReadManifest(folder));
  ASSERT_OK_AND_ASSIGN(const std::vector<Seat> seats, SeatsOf(folder, manifest, plan.pools));
  ASSERT_EQ(seats.size(), 6u);
  for (const Seat& seat : seats) {
    ASSERT_OK_AND_ASSIGN(const Dataset data, LoadDataset(plan, seat.folders));
    EXPECT_OK(CheckPopulation(plan, data.training, seat.name));
  }
}

}  // namespace
}  // namespace veilsum::client
