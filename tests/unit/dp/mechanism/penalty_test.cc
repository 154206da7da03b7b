// What pulls a model, and the steps at home that it is part of.
#include "dp/mechanism/penalty.h"

#include <cmath>

#include "dp/mechanism/moved_model.h"
#include "tests/support/status_matchers.h"

namespace veilsum::dp {
namespace {

const std::vector<float> kStart = {.5f, -1, 2, 0, 3, -.25f};
const std::vector<float> kX = {1, -2, .5f, 0, 1, .75f};

Penalty Some() { return {.l1 = .3, .l2 = .7, .proximal = 1.1, .weights = {{0, 2}, {3, 2}}}; }

// As the header's formulas have it.
double Value(const Penalty& penalty, const std::vector<float>& x) {
  double value = 0;
  for (const Penalty::Range& range : penalty.weights)
    for (std::size_t i = range.first; i < range.first + range.size; ++i)
      value += penalty.l1 * std::abs(x[i]) + penalty.l2 / 2 * x[i] * x[i];
  for (std::size_t i = 0; i < x.size(); ++i)
    value += penalty.proximal / 2 * std::pow(x[i] - kStart[i], 2);
  return value;
}

TEST(Penalty, TheGradientIsTheDerivative) {
  std::vector<double> gradient(kX.size(), 10);  // it is added
  AddGradient(Some(), kX, kStart, gradient);
  for (std::size_t i = 0; i < kX.size(); ++i) {
    std::vector<float> up = kX, down = kX;
    up[i] += 1.f / 64;
    down[i] -= 1.f / 64;
    EXPECT_NEAR(gradient[i] - 10, (Value(Some(), up) - Value(Some(), down)) * 32, 1e-5) << i;
  }
}

TEST(Penalty, WithoutProximalNoStartIsNeededAndOtherParametersAreFree) {
  std::vector<double> gradient(kX.size());
  AddGradient({.l2 = 2, .weights = {{1, 1}}}, kX, {}, gradient);
  EXPECT_EQ(gradient, (std::vector<double>{0, -4, 0, 0, 0, 0}));
  EXPECT_FALSE(Penalty{}.any());
  EXPECT_TRUE(Penalty{.proximal = 1e-9}.any());
}

// Both parts of a step are of the parameters before it.
TEST(MovedModel, AStepIsTheSumsAndThePenaltysTogether) {
  MovedModel model(std::vector<float>{4, 8},
                   {.learning_rate = .5,
                    .step_size = .25,
                    .penalty = {.l2 = 1, .proximal = 1, .weights = {{0, 1}}}});
  ASSERT_OK(model.Step(std::vector<std::int64_t>{4, -8}));
  EXPECT_EQ(model.parameters(), (std::vector<float>{4 - 1 - 2, 8 + 2}));
  ASSERT_OK(model.Step(std::vector<std::int64_t>{0, 0}));
  EXPECT_EQ(model.parameters(), (std::vector<float>{1 - .5f + 1.5f, 10 - 1}));
  EXPECT_EQ(model.start(), (std::vector<float>{4, 8}));
}

// Two merchants whose losses are (curvature/2) (x - optimum)^2. Many steps at home lead each to its
// own optimum whatever its curvature, and the mean of those is not the optimum of the sum, which
// FedProx comes nearer to.
double WhereRoundsEnd(double proximal) {
  const struct { double curvature, optimum; } merchants[] = {{.8, 0}, {.1, 10}};
  const double unit = 1 << 20;
  float x = 5;
  for (int round = 0; round < 200; ++round) {
    double mean = 0;
    for (const auto& [curvature, optimum] : merchants) {
      MovedModel model(
          std::span(&x, 1),
          {.learning_rate = .3, .step_size = .3 / unit, .penalty = {.proximal = proximal}});
      for (int step = 0; step < 400; ++step) {
        const double gradient = curvature * (model.parameters()[0] - optimum);
        EXPECT_TRUE(model.Step(std::vector<std::int64_t>{std::llrint(gradient * unit)}).ok());
      }
      mean += model.parameters()[0] / 2;
    }
    x = static_cast<float>(mean);
  }
  return x;
}

TEST(MovedModel, TheProximalTermBringsUnlikeMerchantsNearerToTheJointOptimum) {
  const double joint = .1 * 10 / (.8 + .1);
  EXPECT_NEAR(WhereRoundsEnd(0), 5, .01);
  const double pulled = WhereRoundsEnd(2);
  EXPECT_LT(std::abs(pulled - joint), .5);
  EXPECT_GT(std::abs(pulled - joint), .01) << "local steps still count";
}

TEST(MovedModel, RefusesByNameAndMovesNothing) {
  MovedModel model(std::vector<float>{4}, {.learning_rate = NAN, .step_size = 1});
  const auto code = absl::StatusCode::kInvalidArgument;
  EXPECT_THAT(model.Step(std::vector<std::int64_t>{1, 2}), StatusIs(code, "must have 1"));
  EXPECT_THAT(model.Step(std::vector<std::int64_t>{1}), StatusIs(code, "learning_rate nan"));
  EXPECT_EQ(model.parameters(), (std::vector<float>{4}));
}

}  // namespace
}  // namespace veilsum::dp
