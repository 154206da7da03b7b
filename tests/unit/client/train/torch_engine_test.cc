// The torch engine against the CPU engine: the same clipped sums to 1e-4 relative, on random nets
// of every kind.
#include "client/train/torch/torch_engine.h"

#include <cmath>

#include "tests/support/status_matchers.h"
#include "tests/unit/client/train/torch_case.h"

namespace veilsum::client {
namespace {

std::vector<double> TorchSum(const TorchCase& f, torch_engine::TorchEngine& torch,
                             double clip_norm) {
  std::vector<double> sum(torch_engine::Parameters(torch.net()));
  std::string error;
  EXPECT_TRUE(torch.Sum(f.model().data(), f.Batch(), clip_norm, sum.data(), error)) << error;
  return sum;
}

std::vector<double> CpuSum(const TorchCase& f, cpu::Engine& cpu, double clip_norm) {
  cpu.SetStepKey(TorchCase::Key());
  if (f.temporal()) cpu.SetTarget(f.target());
  const auto sum = cpu.Sum(f.model(), Everyone(f.examples()), TorchCase::kCustomers, clip_norm);
  EXPECT_OK(sum);
  return {sum->begin(), sum->end()};
}

// ||x - y|| / ||y||.
double Distance(const std::vector<double>& x, const std::vector<double>& y) {
  double difference = 0, norm = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    difference += std::pow(x[i] - y[i], 2);
    norm += y[i] * y[i];
  }
  return std::sqrt(difference / norm);
}

void ExpectAgreement(const TorchShape& shape, const std::string& device) {
  SCOPED_TRACE(shape.name);
  TorchCase f(shape);
  std::string error;
  const auto torch = torch_engine::TorchEngine::Create(f.Net(), device, error);
  ASSERT_TRUE(torch) << error;
  ASSERT_EQ(torch_engine::Parameters(f.Net()), f.layout().parameters());
  ASSERT_OK_AND_ASSIGN(const auto cpu,
                       cpu::Engine::Create(f.layout(), f.examples(), shape.max_rows,
                                           cpu::BestKernels(), shape.heads, shape.dropout));
  for (const bool broken : {false, true}) {
    if (broken) f.Break();
    for (const double clip_norm : {0.05, 1.0, 1e6})
      EXPECT_LT(Distance(TorchSum(f, *torch, clip_norm), CpuSum(f, *cpu, clip_norm)), 1e-4)
          << "clip " << clip_norm << (broken ? ", broken" : "");
  }
}

TEST(TorchEngine, AgreesWithTheCpuEngine) {
  for (const TorchShape& shape : TorchShapes()) ExpectAgreement(shape, "cpu");
}

// A12: numbers that overflow, and squares that are lost.
TEST(TorchEngine, NoContributionIsLongerThanItMayBe) {
  constexpr double kClip = 0.5;
  for (const TorchShape& shape : TorchShapes())
    for (const auto& [weights, inputs] : std::vector<std::pair<float, float>>{
             {1, 1}, {1e3f, 1}, {1, 1e18f}, {1e-15f, 1e19f}, {1e-24f, 1e18f}, {1e6f, 1e-30f}}) {
      SCOPED_TRACE(absl::StrFormat("%s, weights x %g, inputs x %g", shape.name, weights, inputs));
      TorchCase f(shape);
      f.Stretch(weights, inputs);
      std::string error;
      const auto torch = torch_engine::TorchEngine::Create(f.Net(), "cpu", error);
      std::vector<double> sum(torch_engine::Parameters(f.Net()));
      for (std::size_t customer = 0; customer < 5; ++customer) {
        const auto alone = f.Batch().Part(f.Net(), customer, 1);
        ASSERT_TRUE(torch->Sum(f.model().data(), alone, kClip, sum.data(), error)) << error;
        double squares = 0;
        for (const double x : sum) squares += x * x;
        EXPECT_LE(std::sqrt(squares), kClip * (1 + 0x1p-20));
      }
    }
}

// A delta of 2.6e-23, whose square fp32 does not have, beside an input of 1e19.
TEST(TorchEngine, ClipsByDeltasWhoseSquaresAreLost) {
  std::string error;
  const auto torch = torch_engine::TorchEngine::Create({{1, 1}}, "cpu", error);
  ASSERT_TRUE(torch) << error;
  const float x = 1e19f, label = 0, model[2] = {-5.2e-18f, 0};
  double sum[2];
  ASSERT_TRUE(torch->Sum(model, {.rows = 1, .x = &x, .labels = &label}, 0, sum, error)) << error;
  EXPECT_GT(sum[0], 1e-4);
  ASSERT_TRUE(torch->Sum(model, {.rows = 1, .x = &x, .labels = &label}, 1e-4, sum, error)) << error;
  EXPECT_LE(sum[0], 1e-4);
}

TEST(TorchEngine, AgreesWithTheCpuEngineOnCuda) {
  if (!torch_engine::HasCuda()) GTEST_SKIP() << "no CUDA device, or a libtorch without CUDA";
  for (const TorchShape& shape : TorchShapes()) ExpectAgreement(shape, "cuda");
}

void ExpectRefused(const torch_engine::Net& net, const std::string& device,
                   const std::string& named) {
  std::string error;
  EXPECT_FALSE(torch_engine::TorchEngine::Create(net, device, error)) << named;
  EXPECT_NE(error.find(named), std::string::npos) << error;
}

TEST(TorchEngine, RefusesWhatItCannotRun) {
  using torch_engine::Head;
  ExpectRefused({{3}}, "cpu", "widths");
  ExpectRefused({{3, 2}}, "cpu", "widths end in 2");
  ExpectRefused({{3, 1}, {}}, "cpu", "heads");
  ExpectRefused({{3, 1}, {Head{torch_engine::Loss::kSoftmax}}}, "cpu", "at least 2");
  ExpectRefused({{3, 1}, {Head{torch_engine::Loss::kHuber, 1, 1, 0}}}, "cpu", "huber");
  ExpectRefused({{3, 1}, {Head{torch_engine::Loss::kSquared, 1, -1}}}, "cpu", "weight");
  const Head actions{.loss = torch_engine::Loss::kTemporal, .outputs = 2};
  ExpectRefused({{3, 3}, {actions, Head{}}}, "cpu", "the only one");
  ExpectRefused({{3, 1}, {Head{}}, -1}, "cpu", "layer_norm_epsilon");
  ExpectRefused({{3, 1}}, "abacus", "abacus");
}

TEST(TorchEngine, RefusesListsAndItemsThatDoNotFitTheNet) {
  using torch_engine::Head, torch_engine::Net;
  ExpectRefused({.widths = {3, 1}, .one_hot = 4}, "cpu", "one_hot");
  ExpectRefused({.widths = {3, 1}, .bags = {{0, 5, 4}}}, "cpu", "widths");
  ExpectRefused({.widths = {3, 1}, .bags = {{0, 0, 1}}}, "cpu", "buckets");
  ExpectRefused({.widths = {3, 1}, .bags = {{0, 5, 2, true}}}, "cpu", "direct");
  ExpectRefused({.widths = {3, 1}, .sequences = {{0, 5, 2, 0}}}, "cpu", "channels");
  ExpectRefused({.widths = {3, 2}, .item_weights = {1, 1, 1}}, "cpu", "multiple");
  ExpectRefused({.widths = {3, 2}, .item_weights = {1, 1}}, "cpu", "softmax");
  const Head three{torch_engine::Loss::kSoftmax, 3};
  ExpectRefused({.widths = {3, 2}, .heads = {three}, .item_weights = {1, 1, 1, 1}}, "cpu", "heads");
}

void ExpectRefusedBatch(const torch_engine::Net& net, const torch_engine::Batch& batch,
                        const std::string& named) {
  std::string error;
  const auto torch = torch_engine::TorchEngine::Create(net, "cpu", error);
  ASSERT_TRUE(torch) << error;
  float model[64] = {};
  double sum[64];
  EXPECT_FALSE(torch->Sum(model, batch, 1, sum, error)) << named;
  EXPECT_NE(error.find(named), std::string::npos) << error;
}

TEST(TorchEngine, RefusesBatchesThatDoNotFitTheNet) {
  const float one = 1;
  ExpectRefusedBatch({{1, 1}}, {.rows = 1, .x = &one, .labels = &one, .counts = &one}, "counts");
  ExpectRefusedBatch({{1, 1}}, {.rows = 1, .x = &one, .labels = &one, .customer_rows = 2},
                     "customer_rows");
  const torch_engine::Head actions{.loss = torch_engine::Loss::kTemporal, .outputs = 2};
  ExpectRefusedBatch({{1, 2}, {actions}}, {.rows = 1, .x = &one, .labels = &one}, "rewards");
}

// A device that looks an id up beyond its table stops for good.
TEST(TorchEngine, RefusesIdsThatTablesDoNotHave) {
  const float one = 1;
  const std::uint32_t ids[] = {4, 5};
  torch_engine::Batch batch{.rows = 1, .x = &one, .labels = &one};
  const torch_engine::Net one_hot{.widths = {6, 1}, .one_hot = 5};
  ExpectRefusedBatch(one_hot, batch, "active has no ids");
  batch.active = {2, ids, nullptr};
  ExpectRefusedBatch(one_hot, batch, "active has id 5, must be below 5");
  const torch_engine::Net bag{.widths = {2, 1}, .bags = {{0, 5, 1}}};
  ExpectRefusedBatch(bag, batch, "lists[0] is missing");
  batch.lists = {{2, ids, nullptr}};
  ExpectRefusedBatch(bag, batch, "lists[0] has id 5");
  ExpectRefusedBatch({.widths = {2, 1}, .sequences = {{0, 6, 1, 1, 3}}}, batch, "kernel");
}

}  // namespace
}  // namespace veilsum::client
