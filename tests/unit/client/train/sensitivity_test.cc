// A10, A13: one customer more moves the grid sum by at most D2 = s C (1 + 2^-20) + sqrt(d) + fp_err
// (DP-02, L1).
#include <algorithm>
#include <cmath>
#include <numeric>

#include "tests/support/status_matchers.h"
#include "tests/unit/client/train/properties.h"

namespace veilsum::client {
namespace {

struct Federate {
  Federate(std::uint32_t rows, std::size_t customers, std::uint32_t seed,
           const std::vector<std::size_t>& hidden = {20, 9})
      : max_rows(rows), rng(seed) {
    const ExampleShape shape{customers, max_rows, 5, {4, 8}};
    examples = RandomExamples(shape, rng);
    layout = model::Layout::Mlp(5, OneHot(shape), hidden, true);
    model = RandomModel(layout, rng, 2);
  }
  std::vector<std::uint32_t> RandomBatch() {
    std::vector<std::uint32_t> batch;
    for (std::uint32_t u = 0; u < examples.customers(); ++u)
      if (rng() % 3 == 0) batch.push_back(u);
    return batch;
  }
  std::uint32_t max_rows;
  std::mt19937 rng;
  model::Examples examples;
  model::Layout layout = model::Layout::Mlp(1, 1, {}, false);
  model::ModelVector model;
};

// Adds a random customer at a random place of random batches; the largest move in units of the
// bound.
double LargestMove(Federate& f, const cpu::Kernels& path, const StepShape& shape, int draws) {
  auto engine = cpu::Engine::Create(f.layout, f.examples, f.max_rows, path);
  EXPECT_OK(engine);
  double largest = 0;
  for (int i = 0; i < draws; ++i) {
    std::vector<std::uint32_t> batch = f.RandomBatch();
    const auto u = static_cast<std::uint32_t>(f.rng() % f.examples.customers());
    std::erase(batch, u);
    const auto without = (*engine)->GridSum(f.model, batch, shape);
    const std::size_t at = batch.empty() ? 0 : f.rng() % (batch.size() + 1);
    batch.insert(batch.begin() + static_cast<std::ptrdiff_t>(at), u);
    const auto with = (*engine)->GridSum(f.model, batch, shape);
    EXPECT_OK(with);
    largest = std::max(largest, Distance(*with, *without) /
                                    SensitivityBound(shape, f.max_rows, f.layout.parameters()));
  }
  return largest;
}

TEST(Sensitivity, OneCustomerMoreIsWithinD2OnEveryPath) {
  for (const cpu::Kernels* path : AllPaths())
    for (const std::uint32_t max_rows : {1u, 4u})
      for (const double scale : {1.0, 16.0, 0x1p10, 0x1p20, 0x1p30}) {
        Federate f(max_rows, 40, 77 + max_rows);
        const double largest = LargestMove(f, *path, {40, 0.5, scale}, 60);
        EXPECT_LE(largest, 1) << path->name << " scale " << scale;
        if (scale >= 0x1p20) {
          EXPECT_GT(largest, 0.99) << "clipped customers must come close, or the test sees nothing";
        }
      }
}

// Customers with huge, cancelling and non-finite rows.
TEST(Sensitivity, AdversarialCustomersAreWithinD2) {
  for (const cpu::Kernels* path : AllPaths()) {
    Federate f(4, 40, 5);
    f.layout = model::Layout::Mlp(5, 12, {20, 9}, false);
    f.model = RandomModel(f.layout, f.rng, 4);
    for (std::size_t row = 0; row < f.examples.rows(); ++row) {
      const std::uint32_t kind = f.rng() % 5;
      float* u = &f.examples.numeric_values[row * 5];
      if (kind == 0) u[f.rng() % 5] *= 1e18f;
      if (kind == 1) u[f.rng() % 5] = NAN;
      if (kind == 2) u[f.rng() % 5] = 1e-44f;
      if (kind == 3 && row > 0) {
        std::copy_n(u - 5, 5, u);
        f.examples.labels[row] = 1 - f.examples.labels[row - 1];
      }
    }
    for (const double scale : {16.0, 0x1p20})
      EXPECT_LE(LargestMove(f, *path, {40, 1, scale}, 100), 1) << path->name;
  }
}

// A step of several micro-batches: a customer's slot holds it, the others stay where they are, so
// that only its own micro-batch differs, whatever fp32 rounds away there.
void ExpectOneMicroBatchMoves(Federate f, int draws) {
  std::vector<std::uint32_t> slots(400);
  std::iota(slots.begin(), slots.end(), 0u);
  const StepShape shape{400, 1, 0x1p20};
  for (const cpu::Kernels* path : AllPaths()) {
    ASSERT_OK_AND_ASSIGN(auto engine, cpu::Engine::Create(f.layout, f.examples, 1, *path));
    double largest = 0;
    for (int i = 0; i < draws; ++i) {
      std::shuffle(slots.begin(), slots.end(), f.rng);
      std::vector<std::uint32_t> batch = Everyone(f.examples);
      std::shuffle(batch.begin(), batch.end(), f.rng);
      const std::span<const std::uint32_t> seats(slots.data(), batch.size());
      ASSERT_OK_AND_ASSIGN(const auto with, engine->GridSum(f.model, batch, shape, seats));
      batch.pop_back();
      ASSERT_OK_AND_ASSIGN(const auto without,
                           engine->GridSum(f.model, batch, shape, seats.first(batch.size())));
      const double bound =
          shape.scale * (1 + 0x1p-20) + std::sqrt(static_cast<double>(f.layout.parameters()));
      largest = std::max(largest, Distance(with, without) / bound);
    }
    EXPECT_LE(largest, 1) << "A13 " << path->name;
    EXPECT_GT(largest, 0.9) << "a clipped customer must come close";
  }
}

TEST(Sensitivity, OneCustomerMovesOneMicroBatch) {
  ExpectOneMicroBatchMoves(Federate(1, 300, 6), 10);
}

// A net whose micro-batches are several chains each.
TEST(Sensitivity, OneCustomerMovesOneChainOfAWideNet) {
  ExpectOneMicroBatchMoves(Federate(1, 300, 6, {512, 256}), 3);
}

TEST(Sensitivity, SlotsAreDifferentAndInRange) {
  Federate f(1, 5, 7);
  ASSERT_OK_AND_ASSIGN(auto engine,
                       cpu::Engine::Create(f.layout, f.examples, 1, cpu::BestKernels()));
  const std::vector<std::uint32_t> two = {1, 2}, same = {3, 3}, outside = {0, 9}, one = {4};
  for (const auto& slots : {same, outside, one})
    EXPECT_THAT(engine->GridSum(f.model, two, {9, 1, 0x1p20}, slots),
                StatusIs(absl::StatusCode::kInvalidArgument, "slots"));
}

// The worst case of the rounding itself: a sum just under one half everywhere, moved across it.
TEST(Sensitivity, RoundingAloneReachesSqrtD) {
  const std::size_t d = 1000;
  const double below = std::nextafter(0.5, 0.0), above = std::nextafter(0.5, 1.0);
  for (const cpu::Kernels* path : AllPaths()) {
    const std::vector<double> before(d, below), after(d, above);
    std::vector<std::int64_t> x(d), y(d);
    path->to_grid(d, before.data(), 1, x.data());
    path->to_grid(d, after.data(), 1, y.data());
    EXPECT_NEAR(Distance(x, y), std::sqrt(1000.0), 1e-9);
  }
}

TEST(Sensitivity, SummationErrorIsTheFormulaOfL1) {
  // The review's example: 1024 customers, 64 rows in one micro-batch sum, K = 64: 9.6e-7 s C for
  // 1024 x 64 rows.
  EXPECT_NEAR(SummationError({1024, 1, 0x1p20}, 64) / 0x1p20, 9.6e-7, 0.1e-7);
}

}  // namespace
}  // namespace veilsum::client
