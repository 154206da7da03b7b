#include "model/contract/penalty_terms.h"

#include "tests/support/status_matchers.h"
#include "tests/unit/model/small_plan.h"

namespace veilsum::model {
namespace {

TEST(PenaltyOf, WeightsAndTablesAreInItAndBiasesAreNot) {
  SmallPlan small;
  small.training = "l1 = \"0.5\"\nl2 = \"0.25\"\n";
  ASSERT_OK_AND_ASSIGN(const Plan plan, ParsePlanToml(SmallPlanToml(small), "p"));
  const Layout layout =
      Layout::Mlp(3, 4, {4}, true, {{.list = 0, .buckets = 8, .width = 1, .direct = true}});
  const dp::Penalty penalty = PenaltyOf(plan, layout);
  EXPECT_EQ(penalty.l1, .5);
  EXPECT_EQ(penalty.l2, .25);
  EXPECT_EQ(penalty.proximal, 0);
  std::vector<int> penalised(layout.parameters());
  for (const dp::Penalty::Range& range : penalty.weights)
    for (std::size_t i = 0; i < range.size; ++i) ++penalised.at(range.first + i);
  const auto expect = [&](std::size_t offset, std::size_t size, int times) {
    for (std::size_t i = 0; i < size; ++i)
      EXPECT_EQ(penalised[offset - layout.buffers() + i], times) << offset + i;
  };
  for (const Layer& layer : layout.layers()) {
    expect(layer.weight, layer.in * layer.out, 1);
    expect(layer.bias, layer.out, 0);
  }
  expect(layout.bags()[0].weight, 8, 1);
}

}  // namespace
}  // namespace veilsum::model
