// The engine's sum against gradients materialised in long double, on every instruction path.
#include "client/train/cpu/engine.h"

#include <cmath>

#include "client/train/cpu/cpu_trainer.h"
#include "model/mlp.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/client/train/properties.h"

namespace veilsum::client {
namespace {

ExampleShape WithRows(ExampleShape shape, std::uint32_t max_rows) {
  shape.max_rows = max_rows;
  return shape;
}

struct Fixture : PlainNet {
  explicit Fixture(std::uint32_t max_rows, bool standardised = true,
                   const ExampleShape& wanted = {},
                   const std::vector<std::size_t>& hidden = {20, 9})
      : PlainNet(WithRows(wanted, max_rows), hidden, standardised,
                 max_rows + (standardised ? 100 : 0)) {}
};
TEST(ReferenceGradient, AgreesWithFiniteDifferences) {
  const Fixture f(3);
  ExpectDifferencesAgree(f.Net(), f.Gradients()[0], 1, 1e-9, [&](const Exact& model) {
    return CustomerLoss(f.layout, model, f.examples, 0);
  });
}

TEST(Engine, AgreesWithMaterialisedGradientsOnEveryPath) {
  for (const std::uint32_t max_rows : {1u, 2u, 5u, 8u})
    for (const bool standardised : {false, true}) {
      const Fixture f(max_rows, standardised);
      ExpectSumsAgree(f.Net(), f.Gradients(), 64);
    }
}

TEST(Engine, LogitsAgreeWithTheReferenceForwardPass) {
  Fixture f(3);
  ASSERT_OK_AND_ASSIGN(const auto expected, model::Logits(f.layout, f.model, f.examples));
  for (const cpu::Kernels* path : AllPaths()) {
    ASSERT_OK_AND_ASSIGN(auto engine, cpu::Engine::Create(f.layout, f.examples, 3, *path));
    ASSERT_OK_AND_ASSIGN(const auto logits, engine->Logits(f.model));
    ASSERT_EQ(logits.size(), expected.size());
    for (std::size_t i = 0; i < logits.size(); ++i)
      EXPECT_NEAR(logits[i], expected[i], 1e-5) << path->name;
  }
}

TEST(Engine, LinearModelsAndInputsWithoutOneHotOrNumbersWork) {
  const std::vector<ExampleShape> shapes = {{12, 2, 5, {}}, {12, 2, 0, {4, 8}}, {12, 2, 17, {3}}};
  for (const ExampleShape& shape : shapes)
    for (const std::vector<std::size_t>& hidden :
         {std::vector<std::size_t>{}, std::vector<std::size_t>{33}}) {
      const Fixture f(2, false, shape, hidden);
      ExpectSumsAgree(f.Net(), f.Gradients(), 20);
    }
}

TEST(Engine, GridIsTheSumRoundedHalfToEven) {
  for (const cpu::Kernels* path : AllPaths()) {
    const std::vector<double> sum = {0.5, 1.5, -0.5, -1.5, 2.5, 0.49999, 1e9 + 0.5, -3.2, 0};
    std::vector<std::int64_t> grid(sum.size());
    path->to_grid(sum.size(), sum.data(), 1.0, grid.data());
    EXPECT_THAT(grid, testing::ElementsAre(0, 2, 0, -2, 2, 0, 1000000000, -3, 0)) << path->name;
  }
}

TEST(Engine, PaddingDoesNotChangeTheSum) {
  Fixture f(3);
  const auto everyone = Everyone(f.examples);
  for (const cpu::Kernels* path : AllPaths()) {
    ASSERT_OK_AND_ASSIGN(auto engine, cpu::Engine::Create(f.layout, f.examples, 3, *path));
    ASSERT_OK_AND_ASSIGN(const auto tight, engine->GridSum(f.model, everyone, {20, 1, 0x1p20}));
    for (const std::uint32_t padded : {21u, 47u, 300u}) {
      ASSERT_OK_AND_ASSIGN(const auto loose,
                           engine->GridSum(f.model, everyone, {padded, 1, 0x1p20}));
      EXPECT_EQ(tight, loose);
    }
    ASSERT_OK_AND_ASSIGN(const auto nobody, engine->GridSum(f.model, {}, {47, 1, 0x1p20}));
    EXPECT_THAT(nobody, testing::Each(0));
  }
}

TEST(CpuTrainer, RefusesWhatWouldBreakTheSensitivity) {
  Fixture f(2);
  ASSERT_OK_AND_ASSIGN(auto trainer, MakeCpuTrainer(f.layout, f.examples, 2));
  const auto code = absl::StatusCode::kInvalidArgument;
  const std::vector<std::uint32_t> twice = {1, 2, 1}, outside = {20}, three = {1, 2, 3};
  EXPECT_THAT(trainer->GradientSum(f.model, twice, {10, 1, 1024}), StatusIs(code, "twice"));
  EXPECT_THAT(trainer->GradientSum(f.model, outside, {10, 1, 1024}),
              StatusIs(code, "out of range"));
  EXPECT_THAT(trainer->GradientSum(f.model, three, {2, 1, 1024}),
              StatusIs(code, "padded_customers = 2"));
  EXPECT_THAT(trainer->GradientSum(f.model, three, {10, 1, 1000}), StatusIs(code, "power of two"));
  EXPECT_THAT(trainer->GradientSum(f.model, three, {10, 0, 1024}), StatusIs(code, "clip_norm"));
  EXPECT_THAT(trainer->GradientSum(f.model, three, {10, NAN, 1024}), StatusIs(code, "clip_norm"));
  EXPECT_THAT(trainer->GradientSum(f.model, three, {10, 0x1p40, 1024}), StatusIs(code, "2^51"));
  EXPECT_THAT(trainer->GradientSum({1, 2}, three, {10, 1, 1024}), StatusIs(code, "model has 2"));
  EXPECT_OK(trainer->GradientSum(f.model, three, {3, 1, 1024}));
  EXPECT_THAT(MakeCpuTrainer(f.layout, f.examples, 1), StatusIs(code, "max_rows = 1"));
  model::Examples wrong = f.examples;
  wrong.active_inputs[0] = 2;
  EXPECT_THAT(MakeCpuTrainer(f.layout, wrong, 2), StatusIs(code, "active input 2"));
}

TEST(CpuTrainer, MessagesNeverHoldTheSampledCount) {
  Fixture f(1);
  ASSERT_OK_AND_ASSIGN(auto trainer, MakeCpuTrainer(f.layout, f.examples, 1));
  const auto result =
      trainer->GradientSum(f.model, std::vector<std::uint32_t>(17, 0), {5, 1, 1024});
  EXPECT_EQ(result.status().ToString().find("17"), std::string::npos) << "DP-06";
}

}  // namespace
}  // namespace veilsum::client
