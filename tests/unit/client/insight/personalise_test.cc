// A merchant's own model of a release: what moves, what it is measured on, what is written and
// read.
#include "client/insight/personalise.h"

#include <sys/stat.h>

#include <cmath>
#include <fstream>

#include "base/file.h"
#include "client/data/dataset.h"
#include "client/insight/small_model.h"
#include "model/contract/privacy_terms.h"
#include "model/mlp.h"
#include "model/safetensors.h"
#include "tests/support/seeded_rng.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_folder.h"
#include "tests/unit/model/release/sample.h"

namespace veilsum::client {
namespace {

using absl::StatusCode;

release::Release Sample(std::uint8_t digest = 1) {
  const release::ReleaseInput input = release::SampleInput(1);
  release::Release r{.manifest = input.facts,
                     .digest = Hash32{digest},
                     .privacy = input.privacy,
                     .plan = input.plan,
                     .layout = model::LayoutOf(input.plan),
                     .model = {}};
  r.model = release::SampleModel(r.layout, 0.5f);
  return r;
}

// Customers who do the opposite of what the release says.
model::Examples Contrary(const release::Release& r, std::uint32_t count, std::uint64_t seed) {
  model::Examples rows = GeneratedRows(r, count, seed);
  const std::vector<float> outputs = model::Logits(r.layout, r.model, rows).value();
  for (std::uint32_t i = 0; i < count; ++i) rows.labels[i] = outputs[i] < 0 ? 1 : 0;
  return rows;
}

Personalisation Hard(PersonalPart part) {
  return {.part = part, .steps = 600, .learning_rate = 0.02, .pull = 0};
}

absl::StatusOr<Personalised> Make(const release::Release& r, const Personalisation& settings,
                                  const model::Examples& customers) {
  SeededRngForTests rng(4);
  return Personalise(r, customers, Contrary(r, 800, 2), settings, rng);
}

// The numbers of a personal model as its file has them.
model::ModelVector NumbersOf(const PersonalModel& personal, const release::Release& parent) {
  const TempFolder folder;
  VEILSUM_CHECK(personal.Save(folder.path() / "p").ok());
  const std::string bytes = ReadFile(folder.path() / "p").value();
  return model::ReadModel(AsBytes(bytes), parent.layout).value();
}

TEST(Personalise, AHeadOfItsOwnServesAMerchantUnlikeTheOthers) {
  const release::Release r = Sample();
  ASSERT_OK_AND_ASSIGN(const Personalised made,
                       Make(r, Hard(PersonalPart::kHead), Contrary(r, 1500, 1)));
  EXPECT_EQ(made.quality.figure, "roc_auc");
  EXPECT_LT(made.quality.difference.before, 0.05);
  EXPECT_GT(made.quality.difference.after, 0.9);
  EXPECT_OK(CheckIsBetter(made.quality));
  EXPECT_EQ(made.customers, 1500u);
  const model::ModelVector numbers = NumbersOf(made.model, r);
  const model::Layer& last = r.layout.layers().back();
  const auto found = std::ranges::find_if(r.layout.bags(), &model::Bag::direct);
  ASSERT_NE(found, r.layout.bags().end());
  const model::Bag& path = *found;  // a linear path, and so of the head
  EXPECT_EQ(made.moved, last.in * last.out + last.out + path.buckets * path.width);
  for (std::size_t i = 0; i < last.weight; ++i) ASSERT_EQ(numbers[i], r.model[i]) << i;
  EXPECT_NE(numbers[last.bias], r.model[last.bias]);
  const auto moved = [&](std::size_t at) { return numbers[at] != r.model[at]; };
  std::size_t count = 0;
  for (std::size_t i = 0; i < path.buckets * path.width; ++i) count += moved(path.weight + i);
  EXPECT_GT(count, 0u);
}

TEST(Personalise, AllOfItMovesButTheBuffers) {
  const release::Release r = Sample();
  ASSERT_OK_AND_ASSIGN(const Personalised made,
                       Make(r, Hard(PersonalPart::kAll), Contrary(r, 1500, 1)));
  EXPECT_GT(made.quality.difference.after, 0.9);
  EXPECT_EQ(made.moved, r.layout.parameters());
  const model::ModelVector numbers = NumbersOf(made.model, r);
  for (std::size_t i = 0; i < r.layout.buffers(); ++i) EXPECT_EQ(numbers[i], r.model[i]);
  EXPECT_NE(numbers[r.layout.layers()[0].weight], r.model[r.layout.layers()[0].weight]);
}

TEST(Personalise, ThePullHoldsItAtTheRelease) {
  const release::Release r = Sample();
  const auto distance = [&](double pull) {
    Personalisation settings = Hard(PersonalPart::kAll);
    settings.learning_rate = 0.001;
    settings.pull = pull;
    const Personalised made = Make(r, settings, Contrary(r, 500, 1)).value();
    const model::ModelVector numbers = NumbersOf(made.model, r);
    double most = 0;
    for (std::size_t i = 0; i < numbers.size(); ++i)
      most = std::max(most, std::abs(static_cast<double>(numbers[i] - r.model[i])));
    return most;
  };
  const double free = distance(0), held = distance(1), hard = distance(1e4);
  EXPECT_LT(held, free / 1.5);
  EXPECT_LT(hard, 0.01);
}

TEST(Personalise, TheReleaseStaysWhereItIsBetter) {
  constexpr auto kRefused = StatusCode::kFailedPrecondition;
  EXPECT_OK(CheckIsBetter({"roc_auc", 100, {.8, .8, 0}}));
  EXPECT_THAT(CheckIsBetter({"roc_auc", 100, {.8, .79, -.01}}),
              StatusIs(kRefused, "roc_auc goes from 0.8000 to 0.7900 on 100 held-out rows"));
  EXPECT_OK(CheckIsBetter({"absolute_error", 100, {5, 4, -1}}));
  EXPECT_THAT(CheckIsBetter({"absolute_error", 100, {5, 6, 1}}),
              StatusIs(kRefused, "absolute_error"));
}

TEST(Personalise, RefusesOtherTasks) {
  for (const model::Task task : {model::Task::kRecommend, model::Task::kQLearning,
                                 model::Task::kSegments, model::Task::kMultiTask}) {
    release::Release r = Sample();
    const model::Examples rows = Contrary(r, 50, 1);
    r.plan.task = task;
    SeededRngForTests rng(4);
    EXPECT_THAT(Personalise(r, rows, rows, {}, rng),
                StatusIs(StatusCode::kFailedPrecondition, "binary, multi_class and regression"));
  }
}

class PersonalFile : public testing::Test {
 protected:
  const release::Release release_ = Sample(1);
  const TempFolder folder_;
  const std::filesystem::path file_ = folder_.path() / "personal";
  model::ModelVector Moved() const {
    model::ModelVector numbers = release_.model;
    for (float& number : numbers) number += 1;
    return numbers;
  }
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(const PersonalModel made, PersonalModel::Create(release_, Moved()));
    ASSERT_OK(made.Save(file_));
  }
};

TEST_F(PersonalFile, IsItsOwnersAloneAndComesBackBitForBit) {
  struct stat state;
  ASSERT_EQ(stat(file_.c_str(), &state), 0);
  EXPECT_EQ(state.st_mode & 0777u, 0600u);
  ASSERT_OK_AND_ASSIGN(const PersonalModel read, PersonalModel::Load(file_, release_));
  EXPECT_EQ(NumbersOf(read, release_), Moved());
  EXPECT_EQ(read.parent(), release_.digest);
}

TEST_F(PersonalFile, ServesWithTheReleaseItWasMadeFromAlone) {
  EXPECT_THAT(PersonalModel::Load(file_, Sample(2)),
              StatusIs(StatusCode::kFailedPrecondition, "make it anew"));
  ASSERT_OK_AND_ASSIGN(const PersonalModel read, PersonalModel::Load(file_, release_));
  EXPECT_THAT(Predictor::Create(Sample(2), read),
              StatusIs(StatusCode::kFailedPrecondition, "was made from release 01"));
  ASSERT_OK_AND_ASSIGN(const auto own, Predictor::Create(release_, read));
  ASSERT_OK_AND_ASSIGN(const auto released, Predictor::Create(release_));
  EXPECT_TRUE(own->is_personal());
  EXPECT_FALSE(released->is_personal());
  const model::Examples rows = GeneratedRows(release_, 20, 3);
  EXPECT_EQ(own->Outputs(rows).value(), model::Logits(release_.layout, Moved(), rows).value());
  EXPECT_EQ(own->release().model, release_.model) << "what is asked for the release gets that";
  ASSERT_OK_AND_ASSIGN(const auto said, own->Predict(rows, true));
  ASSERT_OK_AND_ASSIGN(const auto other, released->Predict(rows, false));
  EXPECT_NE(said[0].logit, other[0].logit);
  EXPECT_NEAR(said[0].why->logit, said[0].logit, 1e-4) << "it explains itself, not the release";
}

TEST_F(PersonalFile, AnythingElseIsRefused) {
  const auto damaged = StatusCode::kInvalidArgument;
  const std::string good = ReadFile(file_).value();
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{7}, good.size() / 2, good.size() - 1}) {
    ASSERT_OK(WriteFile(file_, good.substr(0, size)));
    EXPECT_THAT(PersonalModel::Load(file_, release_), StatusIs(damaged, "")) << size;
  }
  ASSERT_OK(WriteFile(file_, good + std::string(std::size_t{2} << 20, 'x')));
  EXPECT_THAT(PersonalModel::Load(file_, release_), StatusIs(damaged, ""));
  const Bytes plain = model::WriteSafetensors(release_.layout, release_.model, {});
  ASSERT_OK(WriteFile(file_, {reinterpret_cast<const char*>(plain.data()), plain.size()}));
  EXPECT_THAT(PersonalModel::Load(file_, release_), StatusIs(damaged, "no personal model"));
  EXPECT_THAT(PersonalModel::Load(folder_.path() / "none", release_),
              StatusIs(StatusCode::kNotFound, ""));
  model::ModelVector spoilt = release_.model;
  spoilt.back() = NAN;
  EXPECT_THAT(PersonalModel::Create(release_, spoilt), StatusIs(damaged, "not finite"));
  spoilt.pop_back();
  EXPECT_THAT(PersonalModel::Create(release_, spoilt), StatusIs(damaged, "must have"));
}

}  // namespace
}  // namespace veilsum::client
