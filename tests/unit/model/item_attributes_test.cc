#include "model/item_attributes.h"

#include <gtest/gtest.h>

#include <cmath>

#include "model/init.h"
#include "model/mlp.h"
#include "tests/support/status_matchers.h"

namespace veilsum::model {
namespace {

const ItemAttributes& Shoes() {
  static const ItemAttributes items({{"shoe", "red"}, {"shoe"}, {"hat", "red", "wool", "new"}});
  return items;
}

TEST(ItemAttributes, AnItemsScoreIsTheSumOverTheRootOfTheirNumber) {
  EXPECT_EQ(Shoes().items(), 3u);
  EXPECT_EQ(Shoes().attributes(), 5u) << "shoe, red, hat, wool, new";
  const std::vector<float> z = {1, 2, 4, 8, 16};
  std::vector<float> scores(3);
  Shoes().Scores(z, scores);
  EXPECT_FLOAT_EQ(scores[0], 3 / std::sqrt(2.0f));
  EXPECT_FLOAT_EQ(scores[1], 1);
  EXPECT_FLOAT_EQ(scores[2], (4 + 2 + 8 + 16) / 2.0f);
}

// <Scores(z), d> = <z, Back(d)>.
TEST(ItemAttributes, BackIsTheTranspose) {
  const std::vector<float> z = {0.3f, -2, 0.7f, 5, -1}, delta = {0.25f, -3, 2};
  std::vector<float> scores(3), back(5);
  Shoes().Scores(z, scores);
  Shoes().Back(delta, back);
  double left = 0, right = 0;
  for (std::size_t i = 0; i < 3; ++i) left += static_cast<double>(scores[i] * delta[i]);
  for (std::size_t a = 0; a < 5; ++a) right += static_cast<double>(z[a] * back[a]);
  EXPECT_NEAR(left, right, 1e-5);
  Shoes().Back(std::vector<float>{0, NAN, 0}, back);
  EXPECT_TRUE(std::isnan(back[0])) << "what is not finite is seen";
}

TEST(ItemAttributes, FoldedIntoColumnsTheModelIsTheSame) {
  const std::vector<BagShape> bags = {{0, 7, 3, false}, {0, 7, 5, true}};
  const Layout layout = Layout::Mlp(4, 6, {8, 5}, true, bags, 5, false, true, {}, Shoes());
  EXPECT_EQ(layout.outputs(), 3u);
  EXPECT_EQ(layout.layers().back().out, 5u);
  ModelVector model = InitialModel(layout, 3);
  for (std::size_t i = 0; i < model.size(); ++i) model[i] += 0.01f * static_cast<float>(i % 7);
  Examples rows;
  rows.numeric = 4;
  rows.categorical = 1;
  rows.numeric_values = {0.5f, -1, 0.25f, 1, 0, 1, -0.5f, 0.75f};
  rows.active_inputs = {static_cast<std::uint32_t>(layout.dense_inputs()),
                        static_cast<std::uint32_t>(layout.dense_inputs() + 5)};
  rows.lists = {{7, 2, {1, 6, 0, 3}, {0.5f, 1, 1, 0}}};
  rows.labels = {0, 0};
  rows.first_row = {0, 1, 2};
  const Folded folded = FoldItems(layout, model);
  EXPECT_FALSE(folded.layout.items());
  EXPECT_EQ(folded.model.size(), folded.layout.size());
  EXPECT_EQ(folded.layout.outputs(), 3u);
  ASSERT_OK_AND_ASSIGN(const auto made, Logits(layout, model, rows));
  ASSERT_OK_AND_ASSIGN(const auto same, Logits(folded.layout, folded.model, rows));
  ASSERT_EQ(made.size(), 6u);
  for (std::size_t i = 0; i < made.size(); ++i) EXPECT_NEAR(made[i], same[i], 1e-5);
  // As many attributes as items: the shapes are the same, the numbers are not.
  const Layout square = Layout::Mlp(4, 6, {8}, false, {}, 3, false, false, {},
                                    ItemAttributes({{"a", "b"}, {"b"}, {"c"}}));
  const ModelVector plain = InitialModel(square, 3);
  EXPECT_NE(FoldItems(square, plain).model, plain);
  EXPECT_EQ(FoldItems(folded.layout, folded.model).model, folded.model) << "nothing to fold";
}

}  // namespace
}  // namespace veilsum::model
