#include "model/prune.h"

#include <cmath>

#include "model/mlp.h"
#include "tests/support/status_matchers.h"

namespace veilsum::model {
namespace {

// Two numeric inputs and two buckets; values of a fixed sequence.
Examples PruneRows(std::size_t rows) {
  Examples examples;
  examples.numeric = 2;
  examples.categorical = 1;
  for (std::size_t row = 0; row < rows; ++row) {
    examples.numeric_values.push_back(std::sin(static_cast<float>(row)));
    examples.numeric_values.push_back(std::cos(static_cast<float>(3 * row)));
    examples.active_inputs.push_back(static_cast<std::uint32_t>(2 + row % 2));
    examples.labels.push_back(static_cast<float>(row % 2));
    examples.first_row.push_back(static_cast<std::uint32_t>(row + 1));
    examples.customer_ids.push_back(std::to_string(row));
  }
  return examples;
}

const Layout kThreeUnits = Layout::Mlp(2, 2, {3}, false);
// weight [4][3], bias [3], weight [3][1], bias [1]. In-norms 2, 20 and 4, out-norms 9, 1 and 3,
// products 18, 20 and 12: unit 2 goes, where in-norms alone would take 0 and out-norms alone 1.
const ModelVector kThreeUnitsModel = {1,     10,   2,     1, 10, 2, 1, 10, 2, 1, 10, 2,  //
                                      0.25f, 0.5f, 0.75f, 9, 1,  3, 7};

TEST(PruneUnits, TakesTheLeastProductOfNorms) {
  ASSERT_OK_AND_ASSIGN(const PrunedModel two,
                       PruneUnits(kThreeUnits, kThreeUnitsModel, 0.5, nullptr));
  EXPECT_THAT(two.hidden, testing::ElementsAre(2u));
  EXPECT_EQ(two.layout.size(), two.model.size());
  EXPECT_THAT(two.model, testing::ElementsAre(1, 10, 1, 10, 1, 10, 1, 10, 0.25f, 0.5f, 9, 1, 7));
  ASSERT_OK_AND_ASSIGN(const PrunedModel one,
                       PruneUnits(kThreeUnits, kThreeUnitsModel, 0.01, nullptr));
  EXPECT_THAT(one.model, testing::ElementsAre(10, 10, 10, 10, 0.5f, 1, 7));
}

TEST(PruneUnits, KeepsAllOfAllUnits) {
  ASSERT_OK_AND_ASSIGN(const PrunedModel all,
                       PruneUnits(kThreeUnits, kThreeUnitsModel, 1, nullptr));
  EXPECT_EQ(all.model, kThreeUnitsModel);
}

// Two layers with direct and embedding bags, standardised inputs and a clip norm: a constant and a
// dead unit in each layer go, and no output changes.
TEST(PruneUnits, ConstantUnitsChangeNothing) {
  const std::vector<BagShape> bags = {{0, 5, 2, false}, {0, 5, 1, true}};
  const Layout layout = Layout::Mlp(2, 2, {4, 4}, true, bags, 1, true);
  ModelVector model(layout.size());
  for (std::size_t i = 0; i < model.size(); ++i) model[i] = std::sin(static_cast<float>(7 * i + 1));
  for (std::size_t l = 0; l < 2; ++l) {
    const Layer& layer = layout.layers()[l];
    for (std::size_t in = 0; in < layer.in; ++in)
      model[layer.weight + in * 4 + 1] = model[layer.weight + in * 4 + 2] = 0;
    model[layer.bias + 1] = 0.5f;
    model[layer.bias + 2] = -0.5f;
  }
  Examples rows = PruneRows(20);
  rows.active_inputs.assign(20, 4);
  rows.lists = {{5, 1, std::vector<std::uint32_t>(20, 3), std::vector<float>(20, 0.5f)}};
  ASSERT_OK_AND_ASSIGN(const PrunedModel less, PruneUnits(layout, model, 0.5, nullptr));
  EXPECT_THAT(less.hidden, testing::ElementsAre(2u, 2u));
  EXPECT_EQ(less.layout.buffers(), layout.buffers());
  ASSERT_OK_AND_ASSIGN(const std::vector<float> before, Logits(layout, model, rows));
  ASSERT_OK_AND_ASSIGN(const std::vector<float> after, Logits(less.layout, less.model, rows));
  EXPECT_THAT(after, testing::Pointwise(testing::FloatNear(1e-4f), before));
}

double Mean(const std::vector<float>& values) {
  double sum = 0;
  for (const float v : values) sum += static_cast<double>(v);
  return sum / static_cast<double>(values.size());
}

TEST(PruneUnits, RowsKeepTheMeanOutput) {
  const Examples rows = PruneRows(50);
  ASSERT_OK_AND_ASSIGN(const std::vector<float> before,
                       Logits(kThreeUnits, kThreeUnitsModel, rows));
  ASSERT_OK_AND_ASSIGN(const PrunedModel plain,
                       PruneUnits(kThreeUnits, kThreeUnitsModel, 0.5, nullptr));
  ASSERT_OK_AND_ASSIGN(const PrunedModel corrected,
                       PruneUnits(kThreeUnits, kThreeUnitsModel, 0.5, &rows));
  ASSERT_OK_AND_ASSIGN(const std::vector<float> lost, Logits(plain.layout, plain.model, rows));
  ASSERT_OK_AND_ASSIGN(const std::vector<float> kept,
                       Logits(corrected.layout, corrected.model, rows));
  EXPECT_GT(std::abs(Mean(lost) - Mean(before)), 1.0);
  EXPECT_NEAR(Mean(kept), Mean(before), 1e-3);
}

TEST(PruneUnits, RefusesWhatItCannotDo) {
  const auto refusal = [](const Layout& layout, std::size_t size, double keep,
                          const Examples* rows) {
    return PruneUnits(layout, ModelVector(size), keep, rows).status();
  };
  for (const double keep : {0.0, -1.0, 1.5, std::nan("")})
    EXPECT_THAT(refusal(kThreeUnits, kThreeUnits.size(), keep, nullptr),
                StatusIs(absl::StatusCode::kInvalidArgument, "must be above 0 and at most 1"));
  EXPECT_THAT(refusal(kThreeUnits, 3, 0.5, nullptr),
              StatusIs(absl::StatusCode::kInvalidArgument, "the model has 3 numbers"));
  const Layout linear = Layout::Mlp(2, 2, {}, false);
  EXPECT_THAT(refusal(linear, linear.size(), 0.5, nullptr),
              StatusIs(absl::StatusCode::kFailedPrecondition, "no hidden layer"));
  const Layout normalised = Layout::Mlp(2, 2, {3}, false, {}, 1, false, true);
  EXPECT_THAT(refusal(normalised, normalised.size(), 0.5, nullptr),
              StatusIs(absl::StatusCode::kFailedPrecondition, "layer norm"));
  const Examples none = PruneRows(0);
  EXPECT_THAT(refusal(kThreeUnits, kThreeUnits.size(), 0.5, &none),
              StatusIs(absl::StatusCode::kInvalidArgument, "no rows"));
}

}  // namespace
}  // namespace veilsum::model
