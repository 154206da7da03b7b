// The torch engine against the CPU engine: the same clipped sums to 1e-4 relative, on random nets
// with dropout, layer norm, several heads, sampled softmax, several rows and action values.
#include "client/train/torch/torch_engine.h"

#include <cmath>

#include "client/train/cpu/dropout.h"
#include "client/train/cpu/sampled_items.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/client/train/reference.h"

namespace veilsum::client {
namespace {

using model::Loss;

constexpr std::size_t kCustomers = 300, kInputs = 37;

struct Case {
  std::string name;
  std::vector<std::size_t> hidden = {70, 33};
  double dropout = 0;
  bool layer_norm = false;
  model::Heads heads = {model::Head{}};
  std::uint32_t max_rows = 1;
  bool cancelling = false;  // a customer's gradient is far shorter than its rows'
};

std::vector<Case> Cases() {
  const model::Head binary{}, classes{Loss::kSoftmax, 5}, squared{Loss::kSquared, 1, 0.5},
      huber{Loss::kHuber, 1, 2, 0.3};
  model::Head sampled{Loss::kSoftmax, 40};
  sampled.negatives = 9;
  const model::Head actions{.loss = Loss::kTemporal, .outputs = 6, .huber = 0.5, .discount = 0.8};
  return {{"plain"},
          {"linear", {}},
          {"dropout", {70, 33}, 0.5},
          {"layer norm", {70, 33}, 0, true},
          {"both", {33, 17, 5}, 0.2, true},
          {"softmax", {20}, 0, false, {classes}},
          {"squared", {20}, 0, false, {squared}},
          {"Huber", {20}, 0, false, {huber}},
          {"sampled softmax", {24}, 0, false, {sampled}},
          {"all", {40, 21}, 0.3, true, {sampled, binary, huber, squared, classes}},
          {"rows", {33}, 0, false, {binary}, 4},
          {"rows of all", {40, 21}, 0.3, true, {sampled, binary, huber, squared, classes}, 3},
          {"cancelling rows", {}, 0, false, {binary}, 4, true},
          {"a bandit", {20}, 0, false, {actions}},
          {"action values", {30, 12}, 0.2, true, {actions}, 5}};
}

Secret<32> Key() {
  std::array<std::uint8_t, 32> bytes;
  bytes.fill(9);
  return Secret<32>(bytes);
}

float RandomLabel(const model::Head& head, std::mt19937& rng) {
  if (head.loss == Loss::kLogistic) return static_cast<float>(rng() % 2);
  if (head.outputs > 1) return static_cast<float>(rng() % head.outputs);
  return std::normal_distribution<float>(0, 1)(rng);
}

torch_engine::Loss TorchLoss(Loss loss) {
  if (loss == Loss::kLogistic) return torch_engine::Loss::kLogistic;
  if (loss == Loss::kSoftmax) return torch_engine::Loss::kSoftmax;
  if (loss == Loss::kTemporal) return torch_engine::Loss::kTemporal;
  return loss == Loss::kSquared ? torch_engine::Loss::kSquared : torch_engine::Loss::kHuber;
}

struct Fixture {
  explicit Fixture(const Case& wanted) : of(wanted), rng(5) {
    examples = RandomExamples({kCustomers, of.max_rows, kInputs, {}}, rng);
    for (std::size_t row = 0; row < examples.rows(); ++row) {
      if (temporal()) examples.rewards.push_back(RandomLabel({Loss::kSquared}, rng));
      examples.labels[row] = RandomLabel(of.heads[0], rng);
      for (std::size_t h = 1; h < of.heads.size(); ++h)
        examples.more_labels.push_back(rng() % 4 == 0 ? NAN : RandomLabel(of.heads[h], rng));
    }
    std::size_t outputs = 0;
    for (const model::Head& head : of.heads) outputs += head.outputs;
    layout = model::Layout::Mlp(kInputs, 0, of.hidden, false, {}, outputs, false, of.layer_norm);
    model = RandomModel(layout, rng, of.cancelling ? 0.1 : 1);
    if (of.cancelling) Cancel();
    target = RandomModel(layout, rng);
  }
  bool temporal() const { return of.heads[0].loss == Loss::kTemporal; }
  torch_engine::Net Net() const {
    torch_engine::Net net{{kInputs}, {}, of.layer_norm ? model::kLayerNormEpsilon : 0.0};
    for (const model::Layer& layer : layout.layers()) net.widths.push_back(layer.out);
    for (const model::Head& head : of.heads)
      net.heads.push_back(
          {TorchLoss(head.loss), head.outputs, head.weight, head.huber, head.discount});
    return net;
  }
  // Of the masks' and the negatives' key.
  std::vector<float> Factors() const {
    cpu::Dropout dropout(layout, examples, of.max_rows, of.dropout);
    if (!dropout.on()) return {};
    dropout.SetKey(Key());
    return Padded(
        [&](std::uint32_t u, std::size_t j, std::size_t) { return dropout.Factors(u, j); });
  }
  std::vector<float> Counts() const {
    cpu::SampledItems items(of.heads, examples, of.max_rows);
    if (!items.on()) return {};
    items.SetKey(Key());
    return Padded([&](std::uint32_t u, std::size_t j, std::size_t) { return items.Weights(u, j); });
  }
  std::vector<float> Inputs() const {
    return Padded([&](std::uint32_t, std::size_t, std::size_t row) {
      return std::span(examples.numeric_values).subspan(row * kInputs, kInputs);
    });
  }
  std::vector<float> Rewards() const {
    if (!temporal()) return {};
    return Padded([&](std::uint32_t, std::size_t, std::size_t row) {
      return std::span(examples.rewards).subspan(row, 1);
    });
  }
  std::vector<float> Labels() const {
    const std::size_t more = of.heads.size() - 1;
    return Padded([&](std::uint32_t, std::size_t, std::size_t row) {
      std::vector<float> labels = {examples.labels[row]};
      for (std::size_t h = 0; h < more; ++h) labels.push_back(examples.more_labels[row * more + h]);
      return labels;
    });
  }
  std::vector<std::int64_t> Lengths() const {
    std::vector<std::int64_t> lengths;
    for (std::uint32_t u = 0; u < kCustomers; ++u)
      lengths.push_back(examples.first_row[u + 1] - examples.first_row[u]);
    return lengths;
  }
  // Every customer's rows, then copies of its last one as fillers: they must not count.
  template <class RowOf>
  std::vector<float> Padded(RowOf&& row_of) const {
    std::vector<float> all;
    for (std::uint32_t u = 0; u < kCustomers; ++u)
      for (std::size_t slot = 0; slot < of.max_rows; ++slot) {
        const std::size_t own = examples.first_row[u + 1] - examples.first_row[u];
        const std::size_t j = std::min(slot, own - 1);
        const auto row = row_of(u, j, examples.first_row[u] + j);
        all.insert(all.end(), row.begin(), row.end());
      }
    return all;
  }
  void Cancel() {  // every other row nearly repeats the one before, with the other label
    for (std::size_t row = 1; row < examples.rows(); row += 2) {
      for (std::size_t i = row * kInputs; i < (row + 1) * kInputs; ++i)
        examples.numeric_values[i] = 1.01f * examples.numeric_values[i - kInputs];
      examples.labels[row] = 1 - examples.labels[row - 1];
    }
  }
  void Break() {  // an input that is not finite; an impossible class
    examples.numeric_values[kInputs * 7 + 3] = NAN;
    if (of.heads[0].outputs > 1) examples.labels[11] = 1000;
    if (temporal()) examples.rewards[13] = INFINITY;
  }

  Case of;
  std::mt19937 rng;
  model::Examples examples;
  model::Layout layout = model::Layout::Mlp(1, 1, {}, false);
  model::ModelVector model, target;
};

std::vector<float> TorchSum(const Fixture& f, torch_engine::TorchEngine& torch, double clip_norm) {
  const std::vector<float> x = f.Inputs(), labels = f.Labels(), factors = f.Factors(),
                           counts = f.Counts(), rewards = f.Rewards();
  const std::vector<std::int64_t> lengths = f.Lengths();
  torch_engine::Batch batch{kCustomers * f.of.max_rows, x.data(), labels.data()};
  if (!factors.empty()) batch.factors = factors.data();
  if (!counts.empty()) batch.counts = counts.data();
  batch.customer_rows = f.of.max_rows;
  if (f.of.max_rows > 1) batch.lengths = lengths.data();
  batch.rewards = rewards.data();
  batch.target = f.target.data();
  std::vector<float> sum(torch.parameters());
  std::string error;
  EXPECT_TRUE(torch.Sum(f.model.data(), batch, clip_norm, sum.data(), error)) << error;
  return sum;
}

void ExpectAgreement(const Case& wanted, const std::string& device) {
  SCOPED_TRACE(wanted.name);
  Fixture f(wanted);
  std::string error;
  const auto torch = torch_engine::TorchEngine::Create(f.Net(), device, error);
  ASSERT_TRUE(torch) << error;
  ASSERT_EQ(torch->parameters(), f.layout.parameters());
  ASSERT_OK_AND_ASSIGN(auto cpu, cpu::Engine::Create(f.layout, f.examples, f.of.max_rows,
                                                     cpu::BestKernels(), f.of.heads, f.of.dropout));
  for (const bool broken : {false, true})
    for (const double clip_norm : {0.05, 1.0, 1e6}) {
      if (broken) f.Break();
      cpu->SetStepKey(Key());
      if (f.temporal()) cpu->SetTarget(f.target);
      ASSERT_OK_AND_ASSIGN(const auto expected,
                           cpu->Sum(f.model, Everyone(f.examples), kCustomers, clip_norm));
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
  const Head actions{.loss = torch_engine::Loss::kTemporal, .outputs = 2};
  ExpectRefused({{3, 3}, {actions, Head{}}}, "cpu", "the only one");
  ExpectRefused({{3, 1}, {Head{}}, -1}, "cpu", "layer_norm_epsilon");
  ExpectRefused({{3, 1}}, "abacus", "abacus");
}

void ExpectRefusedBatch(const torch_engine::Net& net, const torch_engine::Batch& batch,
                        const std::string& named) {
  std::string error;
  const auto torch = torch_engine::TorchEngine::Create(net, "cpu", error);
  ASSERT_TRUE(torch) << error;
  float model[4] = {}, sum[4];
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

}  // namespace
}  // namespace veilsum::client
