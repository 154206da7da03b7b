// Bags in the engine against gradients materialised in long double, which agree with finite
// differences; row invariance (A11), rows that are not finite (DP-09), and what is refused.
#include "client/train/cpu/bag.h"

#include <cmath>

#include "model/mlp.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/client/train/properties.h"

namespace veilsum::client {
namespace {

// One list in an embedding bag and on a direct path, and a second list in a bag.
const std::vector<model::BagShape> kBags = {{0, 11, 3, false}, {0, 11, 1, true}, {1, 7, 2, false}};

ExampleShape ShapeOfBags(std::uint32_t max_rows, const std::vector<model::BagShape>& bags) {
  ExampleShape shape;
  shape.max_rows = max_rows;
  shape.bags = bags;
  return shape;
}

struct BagFixture : PlainNet {
  explicit BagFixture(std::uint32_t max_rows, const std::vector<std::size_t>& hidden = {20, 9},
                      const std::vector<model::BagShape>& bags = kBags)
      : PlainNet(ShapeOfBags(max_rows, bags), hidden, true, max_rows) {}
};
TEST(ReferenceGradient, WithBagsAgreesWithFiniteDifferences) {
  const BagFixture f(3);
  ExpectDifferencesAgree(f.Net(), f.Gradients()[1], 1, 1e-8, [&](const Exact& model) {
    return CustomerLoss(f.layout, model, f.examples, 1);
  });
}

TEST(Bag, ClippedSumsAgreeWithMaterialisedGradients) {
  for (const std::uint32_t max_rows : {1u, 2u, 5u}) {
    const BagFixture deep(max_rows), linear(max_rows, {}, {{0, 11, 1, true}});
    ExpectSumsAgree(deep.Net(), deep.Gradients(), 64);
    ExpectSumsAgree(linear.Net(), linear.Gradients(), 64);
  }
}

TEST(Bag, LogitsAgreeWithTheReferenceForwardPass) {
  BagFixture f(3);
  ASSERT_OK_AND_ASSIGN(const auto expected, model::Logits(f.layout, f.model, f.examples));
  ASSERT_OK_AND_ASSIGN(auto engine,
                       cpu::Engine::Create(f.layout, f.examples, 3, cpu::BestKernels()));
  ASSERT_OK_AND_ASSIGN(const auto logits, engine->Logits(f.model));
  ASSERT_EQ(logits.size(), expected.size());
  for (std::size_t i = 0; i < logits.size(); ++i) EXPECT_NEAR(logits[i], expected[i], 1e-4);
}

// A11.
TEST(Bag, CustomersAreTheSameBitsAloneAndInAnyPlace) {
  BagFixture f(2);
  ExpectRowInvariance(f.Net(), f.rng, 4);
}

// A10, A13.
TEST(Bag, OneCustomerMoreMovesTheSumByAtMostD2) {
  for (const std::uint32_t max_rows : {1u, 3u})
    ExpectMovesWithinD2(BagFixture(max_rows).Net(), {40, 0.05, 0x1p16});
}

TEST(Bag, AnEmptyTextAndPaddingMoveNothing) {
  BagFixture f(1, {}, {{0, 11, 1, true}});
  model::IdList& list = f.examples.lists[0];
  std::ranges::fill(list.weights, 0.0f);
  const auto everyone = Everyone(f.examples);
  ASSERT_OK_AND_ASSIGN(auto engine,
                       cpu::Engine::Create(f.layout, f.examples, 1, cpu::BestKernels()));
  ASSERT_OK_AND_ASSIGN(const auto sum, engine->Sum(f.model, everyone, 64, 1.0));
  EXPECT_THAT(sum.subspan(f.layout.bags()[0].weight - f.layout.buffers()), testing::Each(0.0));
}

TEST(Bag, WhatIsNotFiniteContributesExactlyNothing) {
  BagFixture f(2);
  std::vector<std::uint32_t> others = Everyone(f.examples);
  others.erase(others.begin() + 4);
  for (const float bad : {NAN, INFINITY}) {
    BagFixture broken(2);
    broken.examples.lists[1].weights[broken.examples.first_row[4] * 6] = bad;
    ASSERT_OK_AND_ASSIGN(
        auto engine, cpu::Engine::Create(broken.layout, broken.examples, 2, cpu::BestKernels()));
    ASSERT_OK_AND_ASSIGN(const auto all,
                         engine->GridSum(f.model, Everyone(f.examples), {64, 1, 0x1p20}));
    ASSERT_OK_AND_ASSIGN(const auto without, engine->GridSum(f.model, others, {64, 1, 0x1p20}));
    EXPECT_EQ(all, without) << "DP-09";
  }
}

TEST(Bag, RefusesListsThatDoNotFit) {
  const auto refuses = [](BagFixture& f, const char* why) {
    EXPECT_THAT(cpu::Engine::Create(f.layout, f.examples, 2, cpu::BestKernels()),
                StatusIs(absl::StatusCode::kInvalidArgument, why));
    EXPECT_THAT(model::Logits(f.layout, f.model, f.examples),
                StatusIs(absl::StatusCode::kInvalidArgument, why));
  };
  BagFixture id(2), weight(2), size(2), none(2);
  id.examples.lists[0].ids[3] = 11;
  refuses(id, "id 11 in list 0, must be below 11");
  weight.examples.lists[1].weights[3] = -1;
  refuses(weight, "list 1 has a weight below 0");
  size.examples.lists[1].weights.pop_back();
  refuses(size, "does not have 6 slots a row");
  none.examples.lists.pop_back();
  refuses(none, "1 lists of ids, the model needs number 1");
}

}  // namespace
}  // namespace veilsum::client
