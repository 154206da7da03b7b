#include "client/train/score_histogram.h"

#include <cmath>
#include <numeric>
#include <random>

#include "dp/mechanism/private_auc.h"
#include "model/mlp.h"
#include "tests/support/status_matchers.h"

namespace veilsum::client {
namespace {

// One numeric input and no hidden layer: the logit is weight * u + bias.
const model::Layout kLine = model::Layout::Mlp(1, 0, {}, false);

model::Examples Customers(const std::vector<std::vector<std::pair<float, float>>>& rows) {
  model::Examples examples;
  examples.numeric = 1;
  for (const auto& customer : rows) {
    for (const auto& [value, label] : customer) {
      examples.numeric_values.push_back(value);
      examples.labels.push_back(label);
    }
    examples.first_row.push_back(static_cast<std::uint32_t>(examples.rows()));
    examples.customer_ids.push_back("u");
  }
  return examples;
}

std::vector<std::int64_t> Histograms(const model::Examples& examples, std::uint32_t bins,
                                     int scale_log2, const model::ModelVector& model) {
  return ScoreHistograms(kLine, model, examples, {bins, scale_log2, 0}).value();
}

TEST(ScoreHistograms, PutEachCustomerByLabelAndPrediction) {
  // Logits -10, 0.1, 10: probabilities 0.00005, 0.525, 0.99995.
  const model::Examples examples = Customers({{{-1, 0}}, {{0.01f, 0}}, {{1, 1}}, {{-1, 1}}});
  EXPECT_THAT(Histograms(examples, 4, 3, {10, 0}), testing::ElementsAre(8, 0, 8, 0, 8, 0, 0, 8));
}

TEST(ScoreHistograms, ACustomersRowsShareItsPoints) {
  const model::Examples examples = Customers({{{-1, 0}, {1, 1}, {1, 1}}});
  EXPECT_THAT(Histograms(examples, 2, 4, {10, 0}), testing::ElementsAre(5, 0, 0, 10));
}

TEST(ScoreHistograms, LeaveOutWhatIsNotFinite) {
  const model::Examples examples =
      Customers({{{NAN, 0}}, {{0, 1}, {INFINITY, 1}}, {}, {{1, NAN}}, {{1, 1}}});
  EXPECT_THAT(Histograms(examples, 2, 0, {10, 0}), testing::ElementsAre(0, 0, 0, 1));
  EXPECT_THAT(Histograms(examples, 2, 0, {NAN, 0}), testing::ElementsAre(0, 0, 0, 0));
}

TEST(ScoreHistograms, DP06_MoreRowsScoredChangeNothing) {
  const model::Examples examples = Customers({{{-1, 0}}, {{0, 0}}, {{1, 1}}});
  const auto plain = ScoreHistograms(kLine, {3, 0.1f}, examples, {16, 10, 0});
  const auto padded = ScoreHistograms(kLine, {3, 0.1f}, examples, {16, 10, 1000});
  ASSERT_OK(padded);
  EXPECT_EQ(*padded, *plain);
}

TEST(ScoreHistograms, WithGroupsACustomerIsInTheHistogramOfItsOwn) {
  model::Examples examples = Customers({{{-1, 0}}, {{1, 1}, {-1, 0}}, {{1, 0}}, {{-1, 0}}});
  examples.groups = {1, 2, 1, 0};
  const ScoreHistogramShape shape = {.bins = 2, .scale_log2 = 1, .groups = 4};
  ASSERT_OK_AND_ASSIGN(const auto cells, ScoreHistograms(kLine, {10, 0}, examples, shape));
  EXPECT_THAT(cells, testing::ElementsAre(2, 0, 0, 0, 2, 2, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0));
  // Whatever groups there are, together they are the histogram without groups.
  const auto plain = Histograms(examples, 2, 1, {10, 0});
  for (std::size_t i = 0; i < plain.size(); ++i)
    EXPECT_EQ(cells[i] + cells[4 + i] + cells[8 + i] + cells[12 + i], plain[i]) << i;
}

TEST(ScoreHistograms, TheSizeIsOfThePlanWhoeverIsThere) {
  for (const std::vector<std::uint32_t>& groups :
       {std::vector<std::uint32_t>{}, {0}, {2, 2}, {0, 1, 2}}) {
    model::Examples examples =
        Customers(std::vector<std::vector<std::pair<float, float>>>(groups.size(), {{1, 1}}));
    examples.groups = groups;
    ASSERT_OK_AND_ASSIGN(
        const auto cells,
        ScoreHistograms(kLine, {1, 0}, examples,
                        {.bins = 8, .scale_log2 = 4, .padded_rows = 8, .groups = 3}));
    EXPECT_EQ(cells.size(), 48u);
  }
}

TEST(ScoreHistograms, RefuseGroupsThatAreNotTheShapes) {
  model::Examples examples = Customers({{{1, 1}}, {{1, 0}}});
  const auto of = [&](std::uint32_t groups) {
    return ScoreHistogramSum(kLine, {1, 0}, examples,
                             {.bins = 2, .scale_log2 = 4, .groups = groups});
  };
  EXPECT_THAT(of(3), StatusIs(kInvalid, "groups of 0 customers, must have them of 2"));
  examples.groups = {0, 3};
  EXPECT_THAT(of(3), StatusIs(kInvalid, "in group 3, must be below 3"));
  EXPECT_OK(of(4));
  EXPECT_THAT(of(0), StatusIs(kInvalid, "groups is 0, must be from 1 to 17"));
  EXPECT_THAT(of(18), StatusIs(kInvalid, "groups is 18"));
}

TEST(ScoreHistograms, RefuseWhatHasNoMeaning) {
  const model::Examples examples = Customers({{{0, 0}}});
  EXPECT_THAT(ScoreHistogramSum(kLine, {1, 0}, examples, {1, 4, 0}),
              StatusIs(kInvalid, "bins is 1"));
  EXPECT_THAT(ScoreHistogramSum(kLine, {1, 0}, examples, {2, 41, 0}),
              StatusIs(kInvalid, "scale_log2 is 41"));
  EXPECT_THAT(ScoreHistogramSum(kLine, {1}, examples, {2, 4, 0}), StatusIs(kInvalid, "model"));
  const model::Layout two = model::Layout::Mlp(1, 0, {}, false, {}, 2);
  EXPECT_THAT(ScoreHistogramSum(two, {1, 1, 0, 0}, examples, {2, 4, 0}),
              StatusIs(kInvalid, "2 outputs"));
}

TEST(ScoreHistograms, OfSeveralHeadsScoreTheFirstOutput) {
  const model::Examples examples = Customers({{{-0.5f, 0}}, {{0.25f, 1}}, {{1, 1}, {-1, 0}}});
  // Weights [in][out], then biases: the first output is that of kLine, the others are noise.
  const model::Layout three = model::Layout::Mlp(1, 0, {}, false, {}, 3);
  ASSERT_OK_AND_ASSIGN(const auto line, ScoreHistograms(kLine, {3, 0.5f}, examples, {8, 4}));
  ASSERT_OK_AND_ASSIGN(const auto first,
                       ScoreHistograms(three, {3, -7, 2, 0.5f, 1, -4}, examples,
                                       {.bins = 8, .scale_log2 = 4, .outputs = 3}));
  EXPECT_EQ(first, line);
}

// Fuzz of one customer more or less, whoever else is there: at most D2 in L1 and in L2, exactly
// (A10 for this mechanism). Values, labels and models hold what is not finite as well.
TEST(ScoreHistograms, A10_OneCustomerMovesTheSumByAtMostD2) {
  std::mt19937 random(7);
  const auto value = [&]() -> float {
    switch (random() % 12) {
      case 0:
        return NAN;
      case 1:
        return random() % 2 ? INFINITY : -INFINITY;
      case 2:
        return 3e38f;
      default:
        return static_cast<float>(static_cast<double>(random()) / 0x1p31 - 1);
    }
  };
  double largest = 0;
  for (int trial = 0; trial < 3000; ++trial) {
    const std::uint32_t bins = 2 + random() % 100;
    const int scale_log2 = static_cast<int>(random() % 30);
    std::vector<std::vector<std::pair<float, float>>> rows(1 + random() % 6);
    for (auto& customer : rows) {
      customer.resize(random() % 9);
      for (auto& row : customer)
        row = {value(), random() % 20 == 0 ? value() : static_cast<float>(random() % 2)};
    }
    const model::ModelVector model = {10 * value(), value()};
    const std::uint32_t groups = 1 + random() % 17;
    std::vector<std::uint32_t> group_of;
    while (group_of.size() < rows.size()) group_of.push_back(random() % groups);
    const auto histograms = [&] {
      model::Examples examples = Customers(rows);
      examples.groups = group_of;
      return ScoreHistograms(kLine, model, examples,
                             {.bins = bins, .scale_log2 = scale_log2, .groups = groups})
          .value();
    };
    const auto with = histograms();
    const auto leaves = static_cast<std::ptrdiff_t>(random() % rows.size());
    rows.erase(rows.begin() + leaves);
    group_of.erase(group_of.begin() + leaves);
    const auto without = histograms();
    const double limit =
        *dp::ScoreHistogramSensitivity({.bins = bins, .scale_log2 = scale_log2, .groups = groups});
    double l1 = 0;
    for (std::size_t i = 0; i < with.size(); ++i)
      l1 += static_cast<double>(std::abs(with[i] - without[i]));
    ASSERT_LE(l1, limit);
    largest = std::max(largest, l1 / limit);
  }
  EXPECT_EQ(largest, 1) << "the bound is reached";
}

}  // namespace
}  // namespace veilsum::client
