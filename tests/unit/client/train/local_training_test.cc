#include "client/train/local_training.h"

#include <cmath>

#include "tests/support/seeded_rng.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/client/train/reference.h"

namespace veilsum::client {
namespace {

// Labels are a function of one numeric and one categorical input.
model::Examples LearnableExamples() {
  std::mt19937 rng(5);
  model::Examples e = RandomExamples({600, 1, 3, {4}}, rng);
  for (std::size_t row = 0; row < e.rows(); ++row)
    e.labels[row] = e.NumericOf(row)[1] + (e.ActiveOf(row)[0] == 3 ? 0.5f : -0.5f) > 0 ? 1 : 0;
  return e;
}

double Accuracy(const model::Layout& layout, const model::Examples& e,
                const model::ModelVector& model) {
  auto engine = cpu::Engine::Create(layout, e, 1, cpu::BestKernels());
  const auto logits = (*engine)->Logits(model);
  double right = 0;
  for (std::size_t i = 0; i < e.rows(); ++i) right += ((*logits)[i] > 0) == (e.labels[i] > 0.5f);
  return right / static_cast<double>(e.rows());
}

TEST(TrainAlone, LearnsAndSetsTheBuffers) {
  const model::Examples e = LearnableExamples();
  const auto layout = model::Layout::Mlp(3, 4, {16, 8}, true);
  std::mt19937 rng(6);
  const model::ModelVector initial = RandomModel(layout, rng);
  SeededRngForTests coins(1);
  LocalTraining settings;
  settings.learning_rate = 0.02;
  ASSERT_OK_AND_ASSIGN(const auto model, TrainAlone(layout, e, initial, settings, coins));
  EXPECT_GT(Accuracy(layout, e, model), 0.93);
  EXPECT_NEAR(model[0], 0, 0.1);
  EXPECT_NEAR(model[3], std::sqrt(3.0), 0.15);  // uniform on [-1, 1] has deviation 1 / sqrt(3)
}

TEST(TrainAlone, RefusesSettingsOutOfRange) {
  const model::Examples e = LearnableExamples();
  const auto layout = model::Layout::Mlp(3, 4, {16}, false);
  SeededRngForTests coins(1);
  const model::ModelVector initial(layout.size());
  EXPECT_THAT(TrainAlone(layout, e, initial, {.batch_fraction = 0}, coins),
              StatusIs(absl::StatusCode::kInvalidArgument, "batch_fraction"));
  EXPECT_THAT(TrainAlone(layout, e, {}, {}, coins),
              StatusIs(absl::StatusCode::kInvalidArgument, "model has 0"));
  EXPECT_THAT(TrainAlone(layout, {}, initial, {}, coins),
              StatusIs(absl::StatusCode::kInvalidArgument, "no customers"));
}

}  // namespace
}  // namespace veilsum::client
