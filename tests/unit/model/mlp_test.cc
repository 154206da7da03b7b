#include "model/mlp.h"

#include "tests/support/status_matchers.h"

namespace veilsum::model {
namespace {

// Two numeric inputs, one block of two buckets, one hidden layer of two.
Examples TwoRows() {
  Examples examples;
  examples.numeric = 2;
  examples.categorical = 1;
  examples.numeric_values = {0.5f, -1.0f, 1.0f, 0.0f};
  examples.active_inputs = {2, 3};
  examples.labels = {0, 1};
  examples.first_row = {0, 1, 2};
  examples.customer_ids = {"a", "b"};
  return examples;
}

// weight [4][2], bias [2], weight [2][1], bias [1]
const ModelVector kParameters = {1, 2, 3, 4, 5, 6, 7, -8, 0.5f, -0.5f, 10, 100, 1000};

TEST(Logits, AgreeWithTheHand) {
  ASSERT_OK_AND_ASSIGN(const std::vector<float> logits,
                       Logits(Layout::Mlp(2, 2, {2}, false), kParameters, TwoRows()));
  // Row 0: 0.5 (1,2) - (3,4) + (5,6) + (0.5,-0.5) = (3, 2.5) -> 30 + 250 + 1000. Row 1: (1,2) +
  // (7,-8) + (0.5,-0.5) = (8.5, -6.5) -> 85 + 1000.
  EXPECT_THAT(logits, testing::ElementsAre(1280.0f, 1085.0f));
}

TEST(Representations, AreWhatTheLastLayerReads) {
  ASSERT_OK_AND_ASSIGN(const std::vector<float> found,
                       Representations(Layout::Mlp(2, 2, {2}, false), kParameters, TwoRows()));
  EXPECT_THAT(found, testing::ElementsAre(3.0f, 2.5f, 8.5f, 0.0f)) << "rectified";
  EXPECT_THAT(Representations(Layout::Mlp(2, 2, {}, false), ModelVector(5), TwoRows()),
              StatusIs(absl::StatusCode::kFailedPrecondition, "no hidden layer"));
}

TEST(Logits, StandardiseAndClipNumericInputs) {
  ModelVector model = {0.25f, 0.0f, 2.0f, 100.0f};  // means, scales
  model.insert(model.end(), kParameters.begin(), kParameters.end());
  ASSERT_OK_AND_ASSIGN(const std::vector<float> logits,
                       Logits(Layout::Mlp(2, 2, {2}, true), model, TwoRows()));
  // Row 0: u = (0.5, clip(-100) = -4): (0.5,1) - (12,16) + (5,6) + (0.5,-0.5) = (-6, -9.5) -> 1000.
  // Row 1: u = (1.5, 0): (1.5,3) + (7,-8) + (0.5,-0.5) = (9, -5.5) -> 1090.
  EXPECT_THAT(logits, testing::ElementsAre(1000.0f, 1090.0f));
}

TEST(Logits, OfALinearModel) {
  ASSERT_OK_AND_ASSIGN(const std::vector<float> logits,
                       Logits(Layout::Mlp(2, 2, {}, false), {1, 2, 3, 4, 5}, TwoRows()));
  EXPECT_THAT(logits, testing::ElementsAre(6.5f, 10.0f));
}

TEST(Logits, RefuseWhatDoesNotFit) {
  const Layout layout = Layout::Mlp(2, 2, {2}, false);
  EXPECT_THAT(
      Logits(layout, {1, 2}, TwoRows()),
      StatusIs(absl::StatusCode::kInvalidArgument, "the model has 2 numbers, its layout 13"));
  Examples examples = TwoRows();
  examples.active_inputs[1] = 4;
  EXPECT_THAT(Logits(layout, kParameters, examples),
              StatusIs(absl::StatusCode::kInvalidArgument, "active input 4, must be 2 to 3"));
  examples = TwoRows();
  examples.numeric = 1;
  EXPECT_THAT(Logits(layout, kParameters, examples),
              StatusIs(absl::StatusCode::kInvalidArgument, "examples have 1 numeric"));
}

}  // namespace
}  // namespace veilsum::model
