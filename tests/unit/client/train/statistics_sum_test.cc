#include "client/train/statistics_sum.h"

#include <cmath>

#include "tests/support/status_matchers.h"
#include "tests/unit/client/train/reference.h"

namespace veilsum::client {
namespace {

model::Examples TwoCustomers() {
  model::Examples e;
  e.numeric = 2;
  e.numeric_values = {1, -0.5f, 0, 0.5f, -1, 1};
  e.labels = {0, 1, 0};
  e.first_row = {0, 2, 3};
  return e;
}

TEST(StatisticsSum, AveragesTheRowsOfACustomerAndSumsCustomers) {
  ASSERT_OK_AND_ASSIGN(const auto grid, StatisticsGrid(TwoCustomers(), 1024));
  // customer 0: mean u (0.5, 0), mean u^2 (0.5, 0.25); customer 1: (-1, 1), (1, 1).
  EXPECT_THAT(grid, testing::ElementsAre(2048, -512, 1024, 1536, 1280));
  ASSERT_OK_AND_ASSIGN(const auto sum, StatisticsSum(TwoCustomers(), 1024));
  EXPECT_EQ(sum.size(), StatisticsSize(2));
}

TEST(StatisticsSum, LeavesOutWhatIsNotFiniteOrEmpty) {
  model::Examples e = TwoCustomers();
  e.numeric_values[1] = NAN;
  e.first_row.push_back(3);  // a customer without rows
  ASSERT_OK_AND_ASSIGN(const auto grid, StatisticsGrid(e, 1024));
  EXPECT_THAT(grid, testing::ElementsAre(1024, -1024, 1024, 1024, 1024));
}

TEST(StatisticsSum, OneCustomerIsWithinTheCertifiedNorm) {
  std::mt19937 rng(1);
  for (int numeric : {1, 9, 30}) {
    const double scale = 0x1p20, d = 1 + 2 * numeric;
    for (int i = 0; i < 200; ++i) {
      model::Examples e = RandomExamples({1, 7, numeric, {2}}, rng);
      for (float& u : e.numeric_values) u = u < 0 ? -1e30f : (rng() % 2 ? 1.0f : INFINITY);
      ASSERT_OK_AND_ASSIGN(const auto grid, StatisticsGrid(e, scale));
      double squares = 0;
      for (const std::int64_t x : grid) squares += static_cast<double>(x) * static_cast<double>(x);
      EXPECT_LE(std::sqrt(squares), scale * StatisticsNorm(numeric) + std::sqrt(d));
    }
  }
}

TEST(StatisticsSum, RefusesAScaleThatIsNoPowerOfTwo) {
  EXPECT_THAT(StatisticsSum(TwoCustomers(), 1000),
              StatusIs(absl::StatusCode::kInvalidArgument, "power of two"));
}

}  // namespace
}  // namespace veilsum::client
