#include "model/centres.h"

#include <cmath>

#include "model/init.h"
#include "model/mlp.h"
#include "tests/support/status_matchers.h"

namespace veilsum::model {
namespace {

using testing::ElementsAre;

// Two inputs, three centres: (0, 0), (4, 0), (0, 3); shares 0.5, 0.25, 0.25.
const Layout& Plain() {
  static const Layout layout = Layout::Mlp(2, 0, {}, false, {}, 3);
  return layout;
}
const ModelVector kModel = {0, 4, 0, 0, 0, 3, 1.5f, 0.75f, 0.75f};

Examples Rows(std::vector<float> numbers) {
  Examples out;
  out.numeric = 2;
  out.labels.resize(numbers.size() / 2);
  out.numeric_values = std::move(numbers);
  for (std::uint32_t u = 1; u <= out.rows(); ++u) out.first_row.push_back(u);
  return out;
}

TEST(Centres, AreTheColumnsOfTheWeight) {
  EXPECT_THAT(CentresOf(Plain(), kModel), ElementsAre(0, 0, 4, 0, 0, 3));
  EXPECT_THAT(SharesOf(Plain(), kModel), ElementsAre(0.5, 0.25, 0.25));
}

TEST(Centres, TheFirstOfEqualsIsTheNearest) {
  const std::vector<double> centres = CentresOf(Plain(), kModel);
  EXPECT_EQ(NearestCentre(std::vector<float>{2, 0}, centres).cluster, 0u);
  EXPECT_EQ(NearestCentre(std::vector<float>{2.5f, 0}, centres).cluster, 1u);
  EXPECT_EQ(NearestCentre(std::vector<float>{0, 2}, centres).cluster, 2u);
  EXPECT_EQ(NearestCentre(std::vector<float>{0, 2}, centres).squared_distance, 1);
  EXPECT_FALSE(std::isfinite(NearestCentre(std::vector<float>{NAN, 0}, centres).squared_distance));
}

TEST(Centres, PointsAreStandardisedAndClipped) {
  const Layout layout = Layout::Mlp(2, 0, {}, true, {}, 3);
  ModelVector model = {0.5f, -0.5f, 2, 100};
  model.insert(model.end(), kModel.begin(), kModel.end());
  ASSERT_OK_AND_ASSIGN(const auto points, PointsOf(layout, model, Rows({1, 0, 0.25f, -1})));
  EXPECT_THAT(points, ElementsAre(1, 4, -0.5f, -4));
  EXPECT_THAT(PointsOf(layout, kModel, Rows({1, 0})),
              StatusIs(absl::StatusCode::kInvalidArgument, "must be 13"));
  Examples other = Rows({1, 0});
  other.numeric = 1;
  EXPECT_THAT(PointsOf(layout, model, other),
              StatusIs(absl::StatusCode::kInvalidArgument, "numeric features"));
}

TEST(Centres, TheLargestScoreIsTheNearestCentres) {
  const ModelVector scoring = ScoringModel(Plain(), kModel);
  std::vector<float> numbers;
  for (int i = 0; i < 400; ++i)
    numbers.push_back(static_cast<float>(5 * std::sin(0.7 * i * i + 0.3)));
  const Examples rows = Rows(numbers);
  ASSERT_OK_AND_ASSIGN(const auto scores, Logits(Plain(), scoring, rows));
  const std::vector<double> centres = CentresOf(Plain(), kModel);
  for (std::size_t row = 0; row < rows.rows(); ++row) {
    const auto first = scores.begin() + static_cast<std::ptrdiff_t>(3 * row);
    const auto best = std::max_element(first, first + 3) - first;
    const Nearest nearest = NearestCentre(rows.NumericOf(row), centres);
    EXPECT_EQ(static_cast<std::size_t>(best), nearest.cluster) << row;
    const auto x = rows.NumericOf(row);
    EXPECT_NEAR(static_cast<double>(x[0] * x[0] + x[1] * x[1] - 2 * *(first + best)),
                nearest.squared_distance, 1e-4);
  }
}

TEST(Centres, QualityIsTheMeanSquaredDistance) {
  const std::vector<double> centres = CentresOf(Plain(), kModel);
  const std::vector<float> points = {0, 0, 4, 1, 0, 3, 0, 5};
  ASSERT_OK_AND_ASSIGN(const SegmentQuality q, EvaluateCentres(points, 2, centres));
  EXPECT_EQ(q.rows, 4u);
  EXPECT_EQ(q.mean_squared_distance, (0 + 1 + 0 + 4) / 4.0);
  EXPECT_THAT(q.sizes, ElementsAre(1, 1, 2));
  // Around the mean (1, 2.25): 12 / 4 + 14.75 / 4.
  EXPECT_NEAR(*q.explained, 1 - 1.25 / 6.6875, 1e-12);
  ASSERT_OK_AND_ASSIGN(const SegmentQuality same,
                       EvaluateCentres(std::vector<float>{1, 1, 1, 1}, 2, centres));
  EXPECT_FALSE(same.explained.has_value());
  for (const std::vector<float>& bad : {std::vector<float>{}, {1}, {NAN, 1}})
    EXPECT_THAT(EvaluateCentres(bad, 2, centres), StatusIs(absl::StatusCode::kInvalidArgument, ""));
}

TEST(InitialModel, CentresAreFarFromOneAnotherAndSharesEqual) {
  const Heads heads = {{.loss = Loss::kCentres, .outputs = 16}};
  const Layout layout = Layout::Mlp(5, 0, {}, true, {}, 16);
  const ModelVector model = InitialModel(layout, 3, heads);
  EXPECT_EQ(model, InitialModel(layout, 3, heads));
  EXPECT_NE(model, InitialModel(layout, 4, heads));
  for (const double share : SharesOf(layout, model)) EXPECT_EQ(share, 1.0 / 16);
  const std::vector<double> centres = CentresOf(layout, model);
  double nearest = HUGE_VAL, largest = 0;
  for (std::size_t a = 0; a < 16; ++a)
    for (std::size_t b = 0; b < a; ++b) {
      double sum = 0;
      for (std::size_t j = 0; j < 5; ++j)
        sum += std::pow(centres[a * 5 + j] - centres[b * 5 + j], 2);
      nearest = std::min(nearest, std::sqrt(sum));
    }
  for (const double x : centres) largest = std::max(largest, std::abs(x));
  EXPECT_GT(nearest, 1);  // 16 of such normal points at random are about 0.6 apart
  EXPECT_LE(largest, 4);
}

}  // namespace
}  // namespace veilsum::model
