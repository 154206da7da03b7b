// Private k-means steps: the gradient, its clipped sum on the grid, and what one customer can move.
#include "client/train/centre_trainer.h"

#include <algorithm>
#include <cmath>

#include "client/train/make_trainer.h"
#include "model/centres.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/client/train/reference.h"

namespace veilsum::client {
namespace {

constexpr std::size_t kInputs = 5, kCentres = 6;

struct Customers {
  explicit Customers(std::uint32_t rows, bool standardised = true, std::uint32_t seed = 1)
      : max_rows(rows),
        rng(seed),
        layout(model::Layout::Mlp(kInputs, 0, {}, standardised, {}, kCentres)) {
    examples = RandomExamples({40, rows, kInputs, {}}, rng);
    model = RandomModel(layout, rng, 2);
    for (std::size_t k = 0; k < kCentres; ++k)  // two of them are idle
      model[layout.buffers() + kInputs * kCentres + k] = 0.08f + 0.04f * static_cast<float>(k);
  }
  std::uint32_t max_rows;
  std::mt19937 rng;
  model::Layout layout;
  model::Examples examples;
  model::ModelVector model;
};

// The nearest of the centres that `among` allows; kCentres where it allows none.
std::size_t NearestOf(const Exact& model, std::size_t buffers, const std::vector<float>& x,
                      const std::vector<bool>& among, long double& squared) {
  std::size_t nearest = kCentres;
  squared = HUGE_VALL;
  for (std::size_t k = 0; k < kCentres; ++k) {
    long double sum = 0;
    for (std::size_t j = 0; j < kInputs; ++j)
      sum += std::pow(model[buffers + j * kCentres + k] - static_cast<long double>(x[j]), 2);
    if (among[k] && sum < squared) squared = sum, nearest = k;
  }
  return nearest;
}

// Idle centres are those of the model that the step begins with.
std::vector<bool> IdleOf(const Customers& c) {
  std::vector<bool> idle;
  for (const double share : model::SharesOf(c.layout, c.model))
    idle.push_back(share * kCentres < 0.125);
  return idle;
}

// In long double, from the definition.
long double LossOf(const Customers& c, const Exact& model, std::uint32_t u) {
  long double loss = 0;
  const std::size_t b = c.layout.buffers();
  for (std::size_t row = c.examples.first_row[u]; row < c.examples.first_row[u + 1]; ++row) {
    std::vector<float> x(kInputs);
    model::PointOf(c.layout, c.model, c.examples.NumericOf(row), x);
    long double best, drawn;
    const std::size_t nearest = NearestOf(model, b, x, std::vector<bool>(kCentres, true), best);
    loss += best / 2;
    if (NearestOf(model, b, x, IdleOf(c), drawn) != kCentres) loss += drawn / 16;
    for (std::size_t k = 0; k < kCentres; ++k) {
      const long double share = model[b + kInputs * kCentres + k] / kCentres;
      loss += kCentres * std::pow(share - (k == nearest ? 1 : 0), 2) / 2;
    }
  }
  return loss;
}

Exact GradientOf(const Customers& c, std::uint32_t u) {
  Exact out(c.layout.parameters());
  const Exact model(c.model.begin(), c.model.end());
  const std::size_t b = c.layout.buffers();
  for (std::size_t row = c.examples.first_row[u]; row < c.examples.first_row[u + 1]; ++row) {
    std::vector<float> x(kInputs);
    model::PointOf(c.layout, c.model, c.examples.NumericOf(row), x);
    long double unused;
    const std::size_t nearest = NearestOf(model, b, x, std::vector<bool>(kCentres, true), unused);
    const std::size_t idle = NearestOf(model, b, x, IdleOf(c), unused);
    for (std::size_t k = 0; k < kCentres; ++k) {
      const long double weight = (k == nearest ? 1 : 0) + (k == idle ? 0.125L : 0);
      for (std::size_t j = 0; j < kInputs; ++j)
        out[j * kCentres + k] +=
            weight * (model[b + j * kCentres + k] - static_cast<long double>(x[j]));
      out[kInputs * kCentres + k] +=
          model[b + kInputs * kCentres + k] / kCentres - (k == nearest ? 1 : 0);
    }
  }
  return out;
}

std::vector<std::int64_t> SumOf(const Customers& c, const std::vector<std::uint32_t>& batch,
                                const StepShape& shape) {
  auto trainer = CentreTrainer::Create(c.layout, c.examples, c.max_rows);
  EXPECT_OK(trainer);
  auto sum = (*trainer)->GridSum(c.model, batch, shape);
  EXPECT_OK(sum);
  return sum.ok() ? *sum : std::vector<std::int64_t>(c.layout.parameters());
}

double Norm2(const std::vector<std::int64_t>& a) {
  double squares = 0;
  for (const std::int64_t x : a) squares += static_cast<double>(x) * static_cast<double>(x);
  return std::sqrt(squares);
}

TEST(CentreGradient, AgreesWithFiniteDifferences) {
  for (const bool standardised : {false, true}) {
    const Customers c(3, standardised);
    for (std::uint32_t u = 0; u < 8; ++u) {
      Exact model(c.model.begin(), c.model.end());
      const Exact gradient = GradientOf(c, u);
      for (std::size_t i = 0; i < gradient.size(); ++i) {
        long double& number = model[c.layout.buffers() + i];
        const long double before = number, step = 1e-7L;
        number = before + step;
        const long double up = LossOf(c, model, u);
        number = before - step;
        const long double down = LossOf(c, model, u);
        number = before;
        EXPECT_NEAR(static_cast<double>((up - down) / (2 * step)), static_cast<double>(gradient[i]),
                    1e-8)
            << u << " " << i;
      }
    }
  }
}

TEST(CentreTrainer, SumsMaterialisedClippedGradients) {
  for (const std::uint32_t max_rows : {1u, 4u})
    for (const double clip_norm : {0.05, 1.0, 1e4}) {
      const Customers c(max_rows);
      const double scale = 0x1p24;
      const auto everyone = Everyone(c.examples);
      const auto sum = SumOf(c, everyone, {64, clip_norm, scale});
      Exact expected(c.layout.parameters());
      for (const std::uint32_t u : everyone) {
        const Exact gradient = GradientOf(c, u);
        const long double factor = std::min(1.0L, clip_norm / Norm(gradient));
        for (std::size_t i = 0; i < expected.size(); ++i) expected[i] += factor * gradient[i];
      }
      Exact difference(expected);
      for (std::size_t i = 0; i < sum.size(); ++i)
        difference[i] -= static_cast<long double>(sum[i]) / scale;
      EXPECT_LT(Norm(difference), 1e-5L * Norm(expected)) << clip_norm;
    }
}

// DP-07: what a customer adds is the same integers whoever else is there, and in any order.
TEST(CentreTrainer, ACustomerAddsTheSameInAnyBatchAndOrder) {
  Customers c(3);
  const StepShape shape{64, 0.7, 0x1p20};
  std::vector<std::vector<std::int64_t>> alone;
  for (const std::uint32_t u : Everyone(c.examples))
    alone.push_back(SumOf(c, {u}, {1, 0.7, 0x1p20}));
  for (int draw = 0; draw < 20; ++draw) {
    std::vector<std::uint32_t> batch;
    for (const std::uint32_t u : Everyone(c.examples))
      if (c.rng() % 2 == 0) batch.push_back(u);
    std::shuffle(batch.begin(), batch.end(), c.rng);
    std::vector<std::int64_t> expected(c.layout.parameters());
    for (const std::uint32_t u : batch)
      for (std::size_t i = 0; i < expected.size(); ++i) expected[i] += alone[u][i];
    EXPECT_EQ(SumOf(c, batch, shape), expected);
  }
}

// What is claimed in centre_trainer.h; DP-02 allows more.
double Claimed(const StepShape& shape, std::size_t d) {
  return shape.scale * shape.clip_norm + std::sqrt(static_cast<double>(d)) / 2;
}

TEST(CentreTrainer, OneCustomerMoreIsWithinTheSensitivity) {
  for (const double scale : {1.0, 16.0, 0x1p10, 0x1p20, 0x1p30})
    for (const std::uint32_t max_rows : {1u, 4u}) {
      Customers c(max_rows, true, 9);
      for (std::size_t i = 0; i < c.examples.numeric_values.size(); i += 3)
        c.examples.numeric_values[i] *= i % 2 == 0 ? 1e18f : 1e-44f;
      const StepShape shape{40, 0.5, scale};
      double largest = 0;
      for (const std::uint32_t u : Everyone(c.examples))
        largest = std::max(largest, Norm2(SumOf(c, {u}, shape)));
      EXPECT_LE(largest, Claimed(shape, c.layout.parameters())) << scale;
      if (scale >= 0x1p20) {
        EXPECT_GT(largest, 0.99 * shape.scale * shape.clip_norm)
            << "clipped customers must come close, or the test sees nothing";
      }
    }
}

// Huge but finite, without standardisation, so that nothing is clipped before the norm.
TEST(CentreTrainer, HugeCustomersAreClippedToTheNorm) {
  Customers c(2, false);
  const StepShape shape{40, 1, 0x1p20};
  for (const float huge : {1e6f, 1e18f, 3e38f}) {
    for (std::size_t j = 0; j < 2 * kInputs; ++j)
      c.examples.numeric_values[j] = j % 2 ? huge : -huge;
    EXPECT_LE(Norm2(SumOf(c, {0}, shape)), Claimed(shape, c.layout.parameters())) << huge;
    EXPECT_GT(Norm2(SumOf(c, {0}, shape)), 0.99 * shape.scale) << huge;
  }
}

// DP-09.
TEST(CentreTrainer, WhatIsNotFiniteAddsExactlyZero) {
  for (const bool standardised : {false, true}) {
    Customers c(3, standardised);
    const StepShape shape{40, 1, 0x1p20};
    const auto before = SumOf(c, {1, 2, 3}, shape);
    for (const float bad : {NAN, standardised ? NAN : INFINITY}) {
      Customers broken = c;
      broken.examples.numeric_values[c.examples.first_row[5] * kInputs + 2] = bad;
      EXPECT_EQ(SumOf(broken, {1, 5, 2, 3}, shape), before);
    }
    c.model[c.layout.buffers() + kInputs * kCentres] = NAN;  // a share: in every gradient
    EXPECT_EQ(Norm2(SumOf(c, {1, 2, 3}, shape)), 0);
  }
}

// A centre that nobody is near moves only while its stated share says that it is idle.
TEST(CentreTrainer, AFarCentreIsDrawnWhileItIsIdle) {
  Customers c(1);
  const std::size_t b = c.layout.buffers();
  for (std::size_t k = 0; k < kCentres; ++k) c.model[b + kInputs * kCentres + k] = 1;
  for (std::size_t j = 0; j < kInputs; ++j) c.model[b + j * kCentres + 2] = 100;
  const auto settled = SumOf(c, Everyone(c.examples), {64, 1e4, 0x1p20});
  c.model[b + kInputs * kCentres + 2] = 0.1f;
  const auto drawn = SumOf(c, Everyone(c.examples), {64, 1e4, 0x1p20});
  for (std::size_t j = 0; j < kInputs; ++j) {
    EXPECT_EQ(settled[j * kCentres + 2], 0);
    EXPECT_NEAR(static_cast<double>(drawn[j * kCentres + 2]) / 0x1p20, 40 * 100 * 0.125, 25);
    EXPECT_EQ(drawn[j * kCentres + 1], settled[j * kCentres + 1]) << "others are where they were";
  }
  EXPECT_GT(settled[kInputs * kCentres + 2], 0) << "its share falls";
}

TEST(CentreTrainer, ErrorsNeverTellHowManyCustomersThereAre) {
  const Customers c(2);
  ASSERT_OK_AND_ASSIGN(const auto trainer, CentreTrainer::Create(c.layout, c.examples, 2));
  const auto code = absl::StatusCode::kInvalidArgument;
  const auto sum = [&](std::vector<std::uint32_t> batch, StepShape shape) {
    return trainer->GridSum(c.model, batch, shape);
  };
  EXPECT_THAT(sum({0, 1, 2, 3, 4, 5, 6}, {5, 1, 0x1p20}), StatusIs(code, "padded_customers = 5"));
  EXPECT_EQ(sum({0, 1, 2, 3, 4, 5, 6}, {5, 1, 0x1p20}).status().message().find('7'),
            std::string::npos);
  EXPECT_THAT(sum({3, 3}, {5, 1, 0x1p20}), StatusIs(code, "twice"));
  EXPECT_THAT(sum({99}, {5, 1, 0x1p20}), StatusIs(code, "out of range"));
  EXPECT_THAT(sum({0}, {5, 1, 3}), StatusIs(code, "DP-02"));
  EXPECT_THAT(trainer->GridSum({}, std::vector<std::uint32_t>{0}, {5, 1, 0x1p20}),
              StatusIs(code, "model has 0 numbers"));
  EXPECT_OK(sum({3, 4}, {5, 1, 0x1p20})) << "an error leaves nothing behind";
}

TEST(CentreTrainer, IsMadeForCentresAndNothingElse) {
  const Customers c(2);
  const model::Heads heads = {{.loss = model::Loss::kCentres, .outputs = kCentres}};
  ASSERT_OK_AND_ASSIGN(const auto made, MakeTrainer(c.layout, c.examples, 2, heads, 0));
  EXPECT_NE(dynamic_cast<CentreTrainer*>(made.get()), nullptr);
  ASSERT_OK_AND_ASSIGN(auto sum, made->GradientSum(c.model, Everyone(c.examples), {64, 1, 0x1p20}));
  EXPECT_EQ(sum.size(), c.layout.parameters());
  const auto code = absl::StatusCode::kInvalidArgument;
  EXPECT_THAT(MakeTrainer(c.layout, c.examples, 1, heads, 0), StatusIs(code, "max_rows = 1"));
  EXPECT_THAT(
      CentreTrainer::Create(model::Layout::Mlp(kInputs, 0, {4}, true, {}, 3), c.examples, 2),
      StatusIs(code, "one layer"));
  EXPECT_THAT(CentreTrainer::Create(model::Layout::Mlp(kInputs, 2, {}, true, {}, 3), c.examples, 2),
              StatusIs(code, "one layer"));
  EXPECT_THAT(CentreTrainer::Create(model::Layout::Mlp(4, 0, {}, true, {}, 3), c.examples, 2),
              StatusIs(code, "numeric features"));
  EXPECT_THAT(cpu::Engine::Create(c.layout, c.examples, 2, *AllPaths().front(), heads),
              StatusIs(code, "centres"));
}

}  // namespace
}  // namespace veilsum::client
