#include "model/init.h"

#include <cmath>

#include "tests/support/status_matchers.h"

namespace veilsum::model {
namespace {

double Deviation(const ModelVector& model, std::size_t from, std::size_t count) {
  double sum = 0;
  for (std::size_t i = from; i < from + count; ++i) sum += static_cast<double>(model[i]) * model[i];
  return std::sqrt(sum / static_cast<double>(count));
}

TEST(InitialModel, HasTheDeviationsOfTheReference) {
  const Layout layout = Layout::Mlp(9, 172, {128, 64, 32}, true);
  const ModelVector model = InitialModel(layout, 1);
  ASSERT_EQ(model.size(), layout.size());
  for (std::size_t i = 0; i < 9; ++i) {
    EXPECT_EQ(model[i], 0.0f);
    EXPECT_EQ(model[9 + i], 1.0f);
  }
  const double expected[] = {0.3 * std::sqrt(2.0 / 181), std::sqrt(2.0 / 128), std::sqrt(2.0 / 64),
                             0.1 * std::sqrt(2.0 / 32)};
  const double tolerance[] = {0.02, 0.04, 0.08,
                              0.5};  // five standard errors of a deviation: 5 / sqrt(2 n)
  for (std::size_t l = 0; l < 4; ++l) {
    const Layer& layer = layout.layers()[l];
    EXPECT_NEAR(Deviation(model, layer.weight, layer.in * layer.out) / expected[l], 1,
                tolerance[l] + 0.03)
        << l;
    for (std::size_t i = 0; i < layer.out; ++i) EXPECT_EQ(model[layer.bias + i], 0.0f);
  }
}

// Fixed for ever: a seed names a model, on every machine.
TEST(InitialModel, IsTheSameOnEveryMachine) {
  const ModelVector model = InitialModel(Layout::Mlp(1, 2, {2}, false), 7);
  ASSERT_EQ(model.size(), 11u);
  EXPECT_EQ(HexEncode(ModelHash(model)),
            "b7f282951c635b29a7d7869c2e83495d5b32eddf2350b28b15c8550d8e6da81b");
}

TEST(InitialModel, DependsOnTheSeedButNotOnTheBuffers) {
  const Layout plain = Layout::Mlp(3, 5, {4}, false), standardised = Layout::Mlp(3, 5, {4}, true);
  const ModelVector a = InitialModel(plain, 1), b = InitialModel(standardised, 1),
                    c = InitialModel(plain, 2);
  EXPECT_TRUE(std::equal(a.begin(), a.end(), b.begin() + 6));
  EXPECT_NE(a, c);
}

TEST(InitialModel, ALinearModelStartsAtZero) {
  for (const float value : InitialModel(Layout::Mlp(3, 5, {}, false), 1)) EXPECT_EQ(value, 0.0f);
}

}  // namespace
}  // namespace veilsum::model
