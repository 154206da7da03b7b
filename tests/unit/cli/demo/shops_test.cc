// The generator of synthetic shops: repeatable, and worth learning from.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <map>
#include <numeric>

#include "base/file.h"
#include "base/fnv1a.h"
#include "cli/demo/shops/counter_rng.h"
#include "cli/demo/shops/market.h"
#include "cli/demo/shops/offers.h"
#include "cli/demo/shops/write_shops.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_folder.h"

namespace veilsum::cli {
namespace {

constexpr std::size_t kBuckets = 64;
using Row = std::vector<std::pair<std::size_t, double>>;  // (input, value)

Row FeaturesOf(const Customer& c) {
  Row row = {{0, 1.0}};
  const double numeric[] = {double(c.orders),   c.total_spent,   double(c.days_since_last),
                            double(c.sessions), double(c.pages), double(c.seconds),
                            double(c.searches)};
  for (std::size_t i = 0; i < std::size(numeric); ++i)
    row.push_back({1 + i, std::log1p(numeric[i]) / 4});
  for (const std::string& text : {"category=" + c.category, "device=" + c.device,
                                  "month=" + c.month, "top_query=" + c.top_query})
    row.push_back({8 + Fnv1a64(text) % kBuckets, 1.0});
  return row;
}

double Score(const Row& row, const std::vector<double>& weights) {
  double sum = 0;
  for (const auto& [input, value] : row) sum += weights[input] * value;
  return 1 / (1 + std::exp(-sum));
}

// Logistic regression by stochastic gradient descent, in the order of the rows.
std::vector<double> Fit(const std::vector<Row>& rows, const std::vector<bool>& labels) {
  std::vector<double> weights(8 + kBuckets);
  for (int epoch = 0; epoch < 20; ++epoch)
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const double error = Score(rows[i], weights) - labels[i];
      for (const auto& [input, value] : rows[i])
        weights[input] -= 0.03 / (1 + epoch) * error * value;
    }
  return weights;
}

double RocAuc(const std::vector<double>& scores, const std::vector<bool>& labels) {
  std::vector<std::size_t> order(scores.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::sort(order, {}, [&](std::size_t i) { return scores[i]; });
  double rank_sum = 0, positives = 0;
  for (std::size_t rank = 0; rank < order.size(); ++rank)
    if (labels[order[rank]]) rank_sum += static_cast<double>(rank + 1), ++positives;
  return (rank_sum - positives * (positives + 1) / 2) /
         (positives * (static_cast<double>(scores.size()) - positives));
}

std::string AllRows(const Customer& c) {
  return absl::StrFormat("%s|%d|%.2f|%d|%s|%d|%d|%d|%s|%s|%d|%s|%d", c.id, c.orders, c.total_spent,
                         c.days_since_last, c.category, c.sessions, c.pages, c.seconds, c.device,
                         c.month, c.searches, c.top_query, c.label);
}

TEST(CounterRng, HasTheMomentsOfItsDistributions) {
  CounterRng rng(7, 3);
  double normal = 0, square = 0, poisson = 0, uniform = 0;
  constexpr int kDraws = 20000;
  for (int i = 0; i < kDraws; ++i) {
    const double x = rng.Normal();
    normal += x, square += x * x, poisson += rng.Poisson(3), uniform += rng.Uniform();
  }
  EXPECT_NEAR(normal / kDraws, 0, 0.03);
  EXPECT_NEAR(square / kDraws, 1, 0.05);
  EXPECT_NEAR(poisson / kDraws, 3, 0.06);
  EXPECT_NEAR(uniform / kDraws, 0.5, 0.01);
}

TEST(CounterRng, PicksByWeight) {
  CounterRng rng(1, 1);
  const double weights[] = {1, 0, 3};
  std::map<std::size_t, int> seen;
  for (int i = 0; i < 4000; ++i) ++seen[rng.Pick(weights)];
  EXPECT_EQ(seen.count(1), 0u);
  EXPECT_NEAR(seen[2] / 4000.0, 0.75, 0.03);
}

TEST(Market, IsAFunctionOfItsSeed) {
  const Market one(5, 6), same(5, 6), other(6, 6);
  EXPECT_EQ(AllRows(one.MakeCustomer(2, 17)), AllRows(same.MakeCustomer(2, 17)));
  EXPECT_NE(AllRows(one.MakeCustomer(2, 17)), AllRows(other.MakeCustomer(2, 17)));
  EXPECT_NE(AllRows(one.MakeCustomer(2, 17)), AllRows(one.MakeCustomer(2, 18)));
}

TEST(Market, ACustomerDoesNotDependOnTheNumberOfShops) {
  EXPECT_EQ(AllRows(Market(5, 6).MakeCustomer(1, 3)), AllRows(Market(5, 12).MakeCustomer(1, 3)));
}

TEST(Market, ShopsHaveDifferentSizes) {
  const Market market(1, 6);
  ASSERT_EQ(market.shops().size(), 6u);
  for (const Shop& shop : market.shops()) {
    EXPECT_GE(shop.customers, 500);
    EXPECT_LE(shop.customers, 3100);
  }
  EXPECT_GT(market.shops()[0].customers, 4 * market.shops()[5].customers);
}

TEST(Market, IsLearnableWithoutBeingTrivial) {
  for (const std::uint64_t seed : {1, 2, 3}) {
    const Market market(seed, 6);
    std::vector<Row> rows;
    std::vector<bool> labels, test_labels;
    std::vector<Row> test_rows;
    for (std::size_t shop = 0; shop < 6; ++shop)
      for (int i = 0; i < market.shops()[shop].customers; ++i) {
        const Customer c = market.MakeCustomer(shop, i);
        const bool test = Fnv1a64(c.id) % 5 == 0;
        (test ? test_rows : rows).push_back(FeaturesOf(c));
        (test ? test_labels : labels).push_back(c.label);
      }
    const std::vector<double> weights = Fit(rows, labels);
    std::vector<double> scores;
    for (const Row& row : test_rows) scores.push_back(Score(row, weights));
    const double auc = RocAuc(scores, test_labels);
    const double positive =
        static_cast<double>(std::ranges::count(labels, true)) / static_cast<double>(labels.size());
    RecordProperty("roc_auc", std::to_string(auc));
    EXPECT_GT(auc, 0.76) << "seed " << seed;
    EXPECT_LT(auc, 0.88) << "seed " << seed;
    EXPECT_GT(positive, 0.15) << "seed " << seed;
    EXPECT_LT(positive, 0.5) << "seed " << seed;
  }
}

TEST(Market, NextPurchasesFollowTheTastesThatHistoriesShow) {
  const Market market(1, 2);
  int same = 0, shown = 0;
  for (int i = 0; i < 1000; ++i) {
    const Customer c = market.MakeCustomer(0, i), again = market.MakeCustomer(0, i);
    EXPECT_EQ(c.history.size(), static_cast<std::size_t>(c.orders));
    EXPECT_EQ(c.next, again.next);
    EXPECT_LT(c.next, market.products());
    if (c.orders == 0) continue;
    ++shown;
    same += c.history.back() == c.next;
  }
  EXPECT_GT(same, shown / 20) << "chance is one in 48";
  EXPECT_EQ(Market::ProductName(7), "p07");
}

TEST(Offers, LogsKeepToTheirPolicyAndTrueValuesToTheLog) {
  const Market market(3, 2);
  std::vector<double> times(Offers()), expected(Offers());
  double earned = 0, known = 0, squares = 0;
  const int customers = market.shops()[1].customers;
  for (int i = 0; i < customers; ++i) {
    const std::vector<OfferVisit> visits = LoggedVisits(market, 1, i);
    ASSERT_EQ(visits.size(), kOfferVisits);
    EXPECT_EQ(visits[0].mood, 1u);
    double sum = 0;
    for (const OfferVisit& visit : visits) {
      ++times[visit.offer];
      EXPECT_LT(visit.mood, kMoods);
      EXPECT_GE(visit.propensity, 0.6 / static_cast<double>(Offers()));
      expected[visit.offer] = visit.propensity * customers * static_cast<double>(kOfferVisits);
      sum += visit.reward;
    }
    earned += sum;
    squares += sum * sum;
    std::vector<double> log(Offers());
    for (std::size_t offer = 0; offer < log.size(); ++offer)
      log[offer] = expected[offer] / (customers * static_cast<double>(kOfferVisits));
    if (std::abs(std::accumulate(log.begin(), log.end(), 0.0) - 1) > 1e-9) continue;
    known += TrueValue(market, 1, i, 1, [&](std::size_t, std::size_t) { return log; }) - sum;
  }
  for (std::size_t offer = 0; offer < Offers(); ++offer)
    EXPECT_NEAR(times[offer], expected[offer], 5 * std::sqrt(expected[offer])) << OfferName(offer);
  const double mean = earned / customers;
  EXPECT_NEAR(known / customers, 0, 5 * std::sqrt((squares / customers - mean * mean) / customers));
}

TEST(WriteShops, WritesEveryTableAndAManifest) {
  const TempFolder of_test;
  const auto folder = of_test.path() / "made shops";
  const Market market(9, 3);
  ASSERT_OK(WriteShops(market, folder));
  ASSERT_OK_AND_ASSIGN(const std::string purchases,
                       ReadFile(folder / "merchants/shop_2/purchases.csv"));
  EXPECT_EQ(purchases.substr(0, purchases.find('\n')),
            "user_id,orders,total_spent,days_since_last,category");
  EXPECT_EQ(std::ranges::count(purchases, '\n'), market.shops()[1].customers + 1);
  for (const char* table : {"browsing", "searches", "labels", "next", "offers"})
    EXPECT_TRUE(
        std::filesystem::exists(folder / "merchants/shop_3" / (std::string(table) + ".csv")))
        << table;
  ASSERT_OK_AND_ASSIGN(const std::string manifest, ReadFile(folder / "manifest.json"));
  EXPECT_NE(manifest.find("\"dataset\": \"synthetic_shops\""), std::string::npos);
}

}  // namespace
}  // namespace veilsum::cli
