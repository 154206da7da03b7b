// Smaller models: what pruning keeps, what distillation brings back, on generated and on real data.
#include "client/insight/small_model.h"

#include <cmath>

#include "client/data/dataset.h"
#include "client/train/local_training.h"
#include "model/contract/privacy_terms.h"
#include "model/init.h"
#include "model/mlp.h"
#include "tests/support/seeded_rng.h"
#include "tests/support/shared_files.h"
#include "tests/unit/model/release/sample.h"

namespace veilsum::client {
namespace {

const auto kWrongHidden = absl::StatusCode::kInvalidArgument;

release::Release OfHidden(std::vector<std::size_t> hidden) {
  const release::ReleaseInput input = release::SampleInput(1);
  release::Release r{.manifest = input.facts,
                     .digest = {},
                     .privacy = input.privacy,
                     .plan = input.plan,
                     .layout = model::LayoutOf(input.plan),
                     .model = {}};
  r.plan.network.hidden = std::move(hidden);
  r.layout = model::LayoutOf(r.plan);
  r.model = release::SampleModel(r.layout, 0.5f);
  return r;
}

double MeanSquare(const release::Release& r, const SmallModel& small, const model::Examples& rows) {
  const auto a = model::Logits(r.layout, r.model, rows).value();
  const auto b = model::Logits(model::LayoutOf(small.plan), small.model, rows).value();
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += std::pow(static_cast<double>(a[i] - b[i]), 2);
  return sum / static_cast<double>(a.size());
}

// Units that nothing goes out of are the lightest: without them every output is the same.
TEST(Prune, TakesTheUnitsThatDoNothing) {
  release::Release r = OfHidden({8, 6});
  const model::Layer &second = r.layout.layers()[1], &last = r.layout.layers()[2];
  for (const std::size_t dead : {1u, 4u, 7u})
    for (std::size_t k = 0; k < second.out; ++k) r.model[second.weight + dead * second.out + k] = 0;
  for (const std::size_t dead : {0u, 5u}) r.model[last.weight + dead] = 0;
  ASSERT_OK_AND_ASSIGN(const SmallModel small, Prune(r, {5, 4}));
  EXPECT_EQ(small.plan.network.hidden, (std::vector<std::size_t>{5, 4}));
  EXPECT_EQ(small.model.size(), model::LayoutOf(small.plan).size());
  const model::Examples rows = GeneratedRows(r, 200, 3);
  EXPECT_LT(MeanSquare(r, small, rows), 1e-8);
  ASSERT_OK_AND_ASSIGN(const SmallModel smaller, Prune(r, {1, 1}));
  EXPECT_GT(MeanSquare(r, smaller, rows), 1e-4) << "now some that do something are gone";
}

TEST(Prune, RefusesOtherShapes) {
  const release::Release r = OfHidden({8, 6});
  EXPECT_THAT(Prune(r, {8}), StatusIs(kWrongHidden, "has 1 layers"));
  EXPECT_THAT(Prune(r, {8, 7}), StatusIs(kWrongHidden, "hidden layer 2 has 7 units"));
  EXPECT_THAT(Prune(r, {0, 6}), StatusIs(kWrongHidden, "1 to 8"));
  EXPECT_THAT(Prune(r, {8, 6}), StatusIs(kWrongHidden, "nothing to make smaller"));
  EXPECT_THAT(Prune(OfHidden({}), {}),
              StatusIs(absl::StatusCode::kFailedPrecondition, "no hidden layer"));
}

TEST(GeneratedRows, FollowThePlanAndTheSeedAlone) {
  const release::Release r = OfHidden({4});
  const model::Examples a = GeneratedRows(r, 500, 1), b = GeneratedRows(r, 500, 1);
  EXPECT_EQ(a.numeric_values, b.numeric_values);
  EXPECT_EQ(a.active_inputs, b.active_inputs);
  EXPECT_NE(a.numeric_values, GeneratedRows(r, 500, 2).numeric_values);
  EXPECT_OK(model::Logits(r.layout, r.model, a)) << "inputs are in range";
  for (const float value : a.numeric_values) EXPECT_LE(std::abs(value), 1);
}

TEST(Distil, BringsTheOutputsBack) {
  const release::Release r = OfHidden({16});
  ASSERT_OK_AND_ASSIGN(const SmallModel pruned, Prune(r, {6}));
  SeededRngForTests rng(5);
  ASSERT_OK_AND_ASSIGN(const SmallModel taught,
                       Distil(r, {6}, {.rows = 4096, .steps = 600, .learning_rate = 0.01}, rng));
  const model::Examples fresh = GeneratedRows(r, 1000, 99);
  EXPECT_LT(MeanSquare(r, taught, fresh), 0.5 * MeanSquare(r, pruned, fresh));
  for (std::size_t i = 0; i < r.layout.buffers(); ++i) EXPECT_EQ(taught.model[i], r.model[i]);
}

TEST(Distil, BringsAllOutputsBack) {
  release::Release r = OfHidden({16});
  r.plan.task = model::Task::kMultiClass;
  r.plan.label.kind = model::LabelKind::kClass;
  r.plan.label.values = {"none", "some", "many"};
  r.layout = model::LayoutOf(r.plan);
  r.model = release::SampleModel(r.layout, 0.5f);
  ASSERT_OK_AND_ASSIGN(const SmallModel pruned, Prune(r, {6}));
  SeededRngForTests rng(5);
  ASSERT_OK_AND_ASSIGN(const SmallModel taught,
                       Distil(r, {6}, {.rows = 4096, .steps = 600, .learning_rate = 0.01}, rng));
  const model::Examples fresh = GeneratedRows(r, 1000, 99);
  EXPECT_LT(MeanSquare(r, taught, fresh), 0.5 * MeanSquare(r, pruned, fresh));
}

TEST(Distil, RefusesWhatNoLabelMeasures) {
  release::Release r = OfHidden({16});
  r.plan.task = model::Task::kQLearning;
  SeededRngForTests rng(5);
  constexpr auto kRefused = absl::StatusCode::kFailedPrecondition;
  EXPECT_THAT(Distil(r, {6}, {}, rng), StatusIs(kRefused, "measured by labels"));
  ASSERT_OK_AND_ASSIGN(const SmallModel pruned, Prune(r, {6}));
  EXPECT_THAT(MeasureSmall(r, pruned, GeneratedRows(r, 10, 1)),
              StatusIs(kRefused, "measured by labels"));
}

TEST(SmallPackage, IsAReleaseWithTheOriginalAsItsParent) {
  const release::Release r = OfHidden({8});
  ASSERT_OK_AND_ASSIGN(const SmallModel small, Prune(r, {3}));
  ASSERT_OK_AND_ASSIGN(release::Files files, PackageOf(r, small, "sample-small", "tests"));
  ASSERT_OK(release::SignPackage(files, release::SampleSigner()));
  ASSERT_OK_AND_ASSIGN(const release::Release opened,
                       release::OpenPackage(files, release::SampleSigner().public_key()));
  EXPECT_EQ(opened.manifest.model_id, "sample-small");
  EXPECT_EQ(opened.manifest.parents, std::vector<std::string>{HexEncode(r.digest)});
  EXPECT_EQ(opened.privacy, r.privacy);
  EXPECT_EQ(opened.model, small.model);
}

SmallFigures Figures(const std::string& figure, double before, double after) {
  SmallFigures out;
  out.quality = {figure, 100, {before, after, after - before}};
  return out;
}

TEST(CheckLoss, RefusesWhatCostsMoreThanItMay) {
  constexpr auto kRefused = absl::StatusCode::kFailedPrecondition;
  EXPECT_OK(CheckLoss(Figures("roc_auc", 0.9, 0.8985), kMaxLoss));
  EXPECT_THAT(CheckLoss(Figures("roc_auc", 0.9, 0.8975), kMaxLoss),
              StatusIs(kRefused, "roc_auc goes from 0.9000 to 0.8975 on 100 rows"));
  EXPECT_OK(CheckLoss(Figures("absolute_error", 500, 500.9), kMaxLoss)) << "0.2 % of it";
  EXPECT_OK(CheckLoss(Figures("absolute_error", 500, 400), kMaxLoss));
  EXPECT_THAT(CheckLoss(Figures("absolute_error", 500, 501.1), kMaxLoss),
              StatusIs(kRefused, "by more than 0.002 of it"));
}

release::Release TrainedAlone(const model::Plan& plan, const Dataset& data, SecureRng& rng) {
  release::Release r{.manifest = {},
                     .digest = {},
                     .privacy = {},
                     .plan = plan,
                     .layout = model::LayoutOf(plan),
                     .model = {}};
  const LocalTraining training{.steps = 200, .learning_rate = 0.003, .heads = model::HeadsOf(plan)};
  r.model =
      TrainAlone(r.layout, data.training, model::InitialModel(r.layout, 1), training, rng).value();
  return r;
}

struct RealData {
  const char *plan, *folder;
  std::vector<std::string> merchants;
  std::string figure;
  double max_loss;
};

void PrintTo(const RealData& data, std::ostream* to) { *to << data.plan; }

// UCI "Adult" and "Online Shoppers": the plans' networks, trained without noise.
class SmallModelsOfRealData : public testing::TestWithParam<RealData> {};

TEST_P(SmallModelsOfRealData, AreAsGoodAsTheWhole) {
  const RealData& of = GetParam();
  SKIP_WITHOUT_SHARED(of.folder);
  ASSERT_OK_AND_ASSIGN(const model::Plan plan, model::ReadPlanFile(of.plan));
  std::vector<std::filesystem::path> folders;
  for (const std::string& name : of.merchants)
    folders.push_back(SharedFile(of.folder) / "merchants" / name);
  ASSERT_OK_AND_ASSIGN(const Dataset data, LoadDataset(plan, folders));
  SeededRngForTests rng(7);
  const release::Release r = TrainedAlone(plan, data, rng);
  ASSERT_OK_AND_ASSIGN(const SmallModel pruned, Prune(r, {48, 24, 12}));
  ASSERT_OK_AND_ASSIGN(const SmallModel taught, Distil(r, {48, 24, 12}, {}, rng));
  ASSERT_OK_AND_ASSIGN(const SmallFigures dropped, MeasureSmall(r, pruned, data.holdout));
  ASSERT_OK_AND_ASSIGN(const SmallFigures kept, MeasureSmall(r, taught, data.holdout));
  const auto say = [&](const SmallFigures& f) {
    const model::Difference& d = f.quality.difference;
    return absl::StrFormat("%s %.4f to %.4f (%.4f to %.4f), numbers %d to %d, time %.2f",
                           f.quality.figure, d.before, d.after, d.low, d.high, f.numbers_before,
                           f.numbers_after, f.seconds_after / f.seconds_before);
  };
  RecordProperty("figures", say(dropped) + "; distilled: " + say(kept));
  EXPECT_EQ(kept.quality.figure, of.figure);
  EXPECT_OK(CheckLoss(kept, of.max_loss)) << say(kept);
  EXPECT_FALSE(CheckLoss(dropped, of.max_loss).ok()) << "without teaching: " << say(dropped);
  EXPECT_LT(kept.numbers_after * 3, kept.numbers_before);
}

const std::vector<std::string> kRegions = {"region_1", "region_2", "region_3", "region_4"};
INSTANTIATE_TEST_SUITE_P(
    Tasks, SmallModelsOfRealData,
    testing::Values(RealData{"deploy/examples/adult.toml",
                             "data/adult",
                             {"occ_sales", "occ_exec_managerial", "occ_craft_repair",
                              "occ_adm_clerical"},
                             "roc_auc",
                             kMaxLoss},
                    RealData{"deploy/examples/online_shoppers_duration.toml",
                             "data/online_shoppers", kRegions, "absolute_error", 0.05},
                    RealData{"deploy/examples/online_shoppers_visitor.toml", "data/online_shoppers",
                             kRegions, "accuracy", 0.005}));

}  // namespace
}  // namespace veilsum::client
