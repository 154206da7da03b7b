#include "coordinator/strategy/standardisation.h"

#include <cmath>

#include "tests/support/status_matchers.h"

namespace veilsum::coordinator {
namespace {

const model::Layout& TheLayout() {
  static const model::Layout layout = model::Layout::Mlp(2, 3, {4}, true);
  return layout;
}

TEST(Standardisation, IsMeanAndOneOverDeviation) {
  model::ModelVector model(TheLayout().size(), 9);
  // 100 customers; means 0.5 and -0.25, mean squares 0.5 and 0.125.
  ASSERT_OK(SetStandardisation(TheLayout(), std::vector<std::int64_t>{1600, 800, -400, 800, 200},
                               16, model));
  EXPECT_FLOAT_EQ(model[0], 0.5f);
  EXPECT_FLOAT_EQ(model[1], -0.25f);
  EXPECT_FLOAT_EQ(model[2], 2);
  EXPECT_FLOAT_EQ(model[3], 4);
  EXPECT_EQ(model[4], 9);
}

TEST(Standardisation, StaysFiniteAndInRangeWhateverTheNoise) {
  const std::vector<std::vector<std::int64_t>> sums = {
      {-5, 100, 100, 100, 100},
      {0, 0, 0, 0, 0},
      {1, 1000000, -1000000, -1000000, 1000000},
      {100, 50, 50, 0, 0},
      {INT64_MIN, INT64_MAX, INT64_MIN, INT64_MAX, INT64_MIN}};
  for (const auto& sum : sums) {
    model::ModelVector model(TheLayout().size());
    ASSERT_OK(SetStandardisation(TheLayout(), sum, 1, model));
    for (std::size_t j = 0; j < 2; ++j) {
      EXPECT_LE(std::abs(model[j]), 1);
      EXPECT_GE(model[2 + j], 1);
      EXPECT_LE(model[2 + j], 1 / std::sqrt(kVarianceFloor) * 1.0001);
    }
  }
}

TEST(Standardisation, FallsBackWithoutAPositiveCount) {
  model::ModelVector model(TheLayout().size(), 9);
  ASSERT_OK(SetStandardisation(TheLayout(), std::vector<std::int64_t>{-16, 800, -400, 800, 200}, 16,
                               model));
  EXPECT_THAT(std::vector<float>(model.begin(), model.begin() + 4),
              testing::ElementsAre(0, 0, 1, 1));
}

TEST(Standardisation, RefusesWrongShapes) {
  model::ModelVector model(TheLayout().size());
  const auto code = absl::StatusCode::kInvalidArgument;
  EXPECT_THAT(SetStandardisation(TheLayout(), std::vector<std::int64_t>(4), 1, model),
              StatusIs(code, "4 numbers"));
  const auto plain = model::Layout::Mlp(2, 3, {4}, false);
  EXPECT_THAT(SetStandardisation(plain, std::vector<std::int64_t>(5), 1, model),
              StatusIs(code, "input.mean"));
}

// Of 1000 customers each: one column even over [-1, 0], the other all in one bin.
TEST(Quantiles, AreMedianAndDeviation) {
  const dp::HistogramGrid grid{2, 8, 10};
  std::vector<std::int64_t> cells(16);
  for (std::size_t bin = 0; bin < 4; ++bin) cells[bin] = 250 << 10;
  cells[8 + 6] = 1000 << 10;
  model::ModelVector model(TheLayout().size(), 9);
  ASSERT_OK(SetStandardisation(TheLayout(), cells, grid, 1, model));
  EXPECT_NEAR(model[0], -0.5, 1e-6);
  EXPECT_NEAR(1 / model[2], 0.682689 / 2, 1e-5);
  EXPECT_NEAR(model[1], 0.625, 1e-6);
  EXPECT_NEAR(1 / model[3], 0.682689 / 8, 1e-5);
  EXPECT_EQ(model[4], 9) << "parameters are not touched";
  // Where noise hides whether there is anybody.
  ASSERT_OK(SetStandardisation(TheLayout(), cells, grid, 1e9, model));
  EXPECT_EQ((std::vector<float>(model.begin(), model.begin() + 4)),
            (std::vector<float>{0, 0, 1, 1}));
  EXPECT_THAT(SetStandardisation(TheLayout(), cells, {3, 8, 10}, 1, model),
              StatusIs(absl::StatusCode::kInvalidArgument, "has 3 columns"));
  EXPECT_THAT(SetStandardisation(TheLayout(), cells, {2, 9, 10}, 1, model),
              StatusIs(absl::StatusCode::kInvalidArgument, "16 cells"));
}

}  // namespace
}  // namespace veilsum::coordinator
