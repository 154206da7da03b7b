// The torch engine against the CPU engine: the same clipped sums to 1e-4 relative, on random nets
// with dropout, layer norm, several heads and sampled softmax.
#include "client/train/torch/torch_engine.h"

#include <cmath>

#include "client/train/cpu/dropout.h"
#include "client/train/cpu/sampled_items.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/client/train/reference.h"

namespace veilsum::client {
namespace {

using model::Loss;

constexpr std::size_t kRows = 300, kInputs = 37;

struct Case {
  std::string name;
  std::vector<std::size_t> hidden = {70, 33};
  double dropout = 0;
  bool layer_norm = false;
  model::Heads heads = {model::Head{}};
};

std::vector<Case> Cases() {
  const model::Head binary{}, classes{Loss::kSoftmax, 5}, squared{Loss::kSquared, 1, 0.5},
      huber{Loss::kHuber, 1, 2, 0.3};
  model::Head sampled{Loss::kSoftmax, 40};
  sampled.negatives = 9;
  return {{"plain"},
          {"linear", {}},
          {"dropout", {70, 33}, 0.5},
          {"layer norm", {70, 33}, 0, true},
          {"both", {33, 17, 5}, 0.2, true},
          {"softmax", {20}, 0, false, {classes}},
          {"squared", {20}, 0, false, {squared}},
          {"Huber", {20}, 0, false, {huber}},
          {"sampled softmax", {24}, 0, false, {sampled}},
          {"all", {40, 21}, 0.3, true, {sampled, binary, huber, squared, classes}}};
}

Secret<32> Key() {
  std::array<std::uint8_t, 32> bytes;
  bytes.fill(9);
  return Secret<32>(bytes);
}

float RandomLabel(const model::Head& head, std::mt19937& rng) {
  if (head.loss == Loss::kLogistic) return static_cast<float>(rng() % 2);
  if (head.loss == Loss::kSoftmax) return static_cast<float>(rng() % head.outputs);
  return std::normal_distribution<float>(0, 1)(rng);
}

torch_engine::Loss TorchLoss(Loss loss) {
  if (loss == Loss::kLogistic) return torch_engine::Loss::kLogistic;
  if (loss == Loss::kSoftmax) return torch_engine::Loss::kSoftmax;
  return loss == Loss::kSquared ? torch_engine::Loss::kSquared : torch_engine::Loss::kHuber;
}

struct Fixture {
  explicit Fixture(const Case& wanted) : of(wanted), rng(5) {
    examples = RandomExamples({kRows, 1, kInputs, {}}, rng);
    for (std::size_t row = 0; row < kRows; ++row) {
      examples.labels[row] = RandomLabel(of.heads[0], rng);
      for (std::size_t h = 1; h < of.heads.size(); ++h)
        examples.more_labels.push_back(rng() % 4 == 0 ? NAN : RandomLabel(of.heads[h], rng));
    }
    std::size_t outputs = 0;
    for (const model::Head& head : of.heads) outputs += head.outputs;
    layout = model::Layout::Mlp(kInputs, 0, of.hidden, false, {}, outputs, false, of.layer_norm);
    model = RandomModel(layout, rng);
  }
  torch_engine::Net Net() const {
    torch_engine::Net net{{kInputs}, {}, of.layer_norm ? model::kLayerNormEpsilon : 0.0};
    for (const model::Layer& layer : layout.layers()) net.widths.push_back(layer.out);
    for (const model::Head& head : of.heads)
      net.heads.push_back({TorchLoss(head.loss), head.outputs, head.weight, head.huber});
    return net;
  }
  std::vector<float> Factors() const {
    cpu::Dropout dropout(layout, examples, 1, of.dropout);
    return dropout.on() ? Drawn(dropout, &cpu::Dropout::Factors) : std::vector<float>();
  }
  std::vector<float> Counts() const {
    cpu::SampledItems items(of.heads, examples, 1);
    return items.on() ? Drawn(items, &cpu::SampledItems::Weights) : std::vector<float>();
  }
  template <class Source, class Words>
  std::vector<float> Drawn(Source& source, Words words) const {
    source.SetKey(Key());
    std::vector<float> all;
    for (std::uint32_t u = 0; u < kRows; ++u) {
      const auto row = (source.*words)(u, 0);
      all.insert(all.end(), row.begin(), row.end());
    }
    return all;
  }
  std::vector<float> Labels() const {
    std::vector<float> all;
    const std::size_t more = of.heads.size() - 1;
    for (std::size_t row = 0; row < kRows; ++row) {
      all.push_back(examples.labels[row]);
      for (std::size_t h = 0; h < more; ++h) all.push_back(examples.more_labels[row * more + h]);
    }
    return all;
  }
  void Break() {  // an input that is not finite; an impossible class
    examples.numeric_values[kInputs * 7 + 3] = NAN;
    if (of.heads[0].loss == Loss::kSoftmax) examples.labels[11] = 1000;
  }

  Case of;
  std::mt19937 rng;
  model::Examples examples;
  model::Layout layout = model::Layout::Mlp(1, 1, {}, false);
  model::ModelVector model;
};

std::vector<float> TorchSum(const Fixture& f, torch_engine::TorchEngine& torch, double clip_norm) {
  const std::vector<float> labels = f.Labels(), factors = f.Factors(), counts = f.Counts();
  std::vector<float> sum(torch.parameters());
  std::string error;
  EXPECT_TRUE(torch.Sum(
      f.model.data(),
      {kRows, f.examples.numeric_values.data(), labels.data(),
       factors.empty() ? nullptr : factors.data(), counts.empty() ? nullptr : counts.data()},
      clip_norm, sum.data(), error))
      << error;
  return sum;
}

void ExpectAgreement(const Case& wanted, const std::string& device) {
  SCOPED_TRACE(wanted.name);
  Fixture f(wanted);
  std::string error;
  const auto torch = torch_engine::TorchEngine::Create(f.Net(), device, error);
  ASSERT_TRUE(torch) << error;
  ASSERT_EQ(torch->parameters(), f.layout.parameters());
  ASSERT_OK_AND_ASSIGN(auto cpu, cpu::Engine::Create(f.layout, f.examples, 1, cpu::BestKernels(),
                                                     f.of.heads, f.of.dropout));
  for (const bool broken : {false, true})
    for (const double clip_norm : {0.05, 1.0, 1e6}) {
      if (broken) f.Break();
      cpu->SetStepKey(Key());
      ASSERT_OK_AND_ASSIGN(const auto expected,
                           cpu->Sum(f.model, Everyone(f.examples), kRows, clip_norm));
      const std::vector<float> sum = TorchSum(f, *torch, clip_norm);
      double difference = 0, norm = 0;
      for (std::size_t i = 0; i < sum.size(); ++i) {
        difference += std::pow(static_cast<double>(sum[i]) - expected[i], 2);
        norm += expected[i] * expected[i];
      }
      EXPECT_LT(std::sqrt(difference), 1e-4 * std::sqrt(norm))
          << "clip " << clip_norm << (broken ? ", broken" : "");
    }
}

TEST(TorchEngine, AgreesWithTheCpuEngine) {
  for (const Case& wanted : Cases()) ExpectAgreement(wanted, "cpu");
}

TEST(TorchEngine, AgreesWithTheCpuEngineOnCuda) {
  if (!torch_engine::HasCuda()) GTEST_SKIP() << "no CUDA device, or a libtorch without CUDA";
  for (const Case& wanted : Cases()) ExpectAgreement(wanted, "cuda");
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
  ExpectRefused({{3, 1}, {Head{}}, -1}, "cpu", "layer_norm_epsilon");
  ExpectRefused({{3, 1}}, "abacus", "abacus");
}

TEST(TorchEngine, RefusesCountsWithoutASoftmax) {
  std::string error;
  const auto torch = torch_engine::TorchEngine::Create({{1, 1}}, "cpu", error);
  ASSERT_TRUE(torch) << error;
  const float one = 1;
  float model[2] = {1, 0}, sum[2];
  EXPECT_FALSE(torch->Sum(model, {1, &one, &one, nullptr, &one}, 1, sum, error));
  EXPECT_NE(error.find("counts"), std::string::npos) << error;
}

}  // namespace
}  // namespace veilsum::client
