// Every loss and several heads on one trunk: clipped sums of the engine against gradients
// materialised in long double, on random nets; missing and impossible labels.
#include "model/heads.h"

#include <cmath>

#include "client/train/loss.h"
#include "model/mlp.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/client/train/properties.h"

namespace veilsum::client {
namespace {

using model::Loss;

const model::Head kBinary{}, kClasses{Loss::kSoftmax, 5}, kSquared{Loss::kSquared, 1, 0.5},
    kHuber{Loss::kHuber, 1, 2, 0.3};
const std::vector<model::Heads> kCases = {
    {kBinary}, {kClasses}, {kSquared}, {kHuber}, {kBinary, kClasses, kHuber, kSquared, kBinary}};

float RandomLabel(const model::Head& head, std::mt19937& rng) {
  if (head.loss == Loss::kLogistic) return static_cast<float>(rng() % 2);
  if (head.loss == Loss::kSoftmax) return static_cast<float>(rng() % head.outputs);
  return std::normal_distribution<float>(0, 1)(rng);
}

struct HeadsFixture {
  HeadsFixture(model::Heads wanted, std::uint32_t max_rows, std::uint32_t seed)
      : heads(std::move(wanted)), rng(seed) {
    const ExampleShape shape{30, max_rows, 5, {4, 8}};
    examples = RandomExamples(shape, rng);
    std::size_t outputs = 0;
    for (const model::Head& head : heads) outputs += head.outputs;
    for (std::size_t row = 0; row < examples.rows(); ++row) {
      examples.labels[row] = RandomLabel(heads[0], rng);
      for (std::size_t h = 1; h < heads.size(); ++h)
        examples.more_labels.push_back(rng() % 4 == 0 ? NAN : RandomLabel(heads[h], rng));
    }
    std::vector<std::size_t> hidden(rng() % 4);
    for (std::size_t& width : hidden) width = 1 + rng() % 70;
    layout = model::Layout::Mlp(5, OneHot(shape), hidden, true, {}, outputs);
    model = RandomModel(layout, rng);
  }
  Exact GradientOf(std::uint32_t customer) const {
    return CustomerGradient(layout, Exact(model.begin(), model.end()), examples, customer, heads);
  }
  std::vector<Exact> Gradients() const {
    std::vector<Exact> gradients;
    for (const std::uint32_t u : Everyone(examples)) gradients.push_back(GradientOf(u));
    return gradients;
  }
  NetUnderTest Net(std::uint32_t max_rows) const {
    return {layout, examples, model, max_rows, [this, max_rows](const cpu::Kernels& path) {
              auto engine = cpu::Engine::Create(layout, examples, max_rows, path, heads);
              EXPECT_OK(engine);
              return *std::move(engine);
            }};
  }

  model::Heads heads;
  std::mt19937 rng;
  model::Examples examples;
  model::Layout layout = model::Layout::Mlp(1, 1, {}, false);
  model::ModelVector model;
};

TEST(Heads, ReferenceAgreesWithFiniteDifferences) {
  for (const model::Heads& heads : kCases) {
    const HeadsFixture f(heads, 2, 3);
    ExpectDifferencesAgree(f.Net(2), f.GradientOf(1), 5, 1e-6, [&](const Exact& model) {
      return CustomerLoss(f.layout, model, f.examples, 1, heads);
    });
  }
}

TEST(Heads, ClippedSumsAgreeWithMaterialisedGradients) {
  for (const model::Heads& heads : kCases)
    for (const std::uint32_t max_rows : {1u, 3u}) {
      const HeadsFixture f(heads, max_rows, max_rows + static_cast<std::uint32_t>(heads.size()));
      ExpectSumsAgree(f.Net(max_rows), f.Gradients(), 40);
    }
}

TEST(Heads, OutputsAgreeWithTheReferenceForwardPass) {
  HeadsFixture f(kCases.back(), 1, 9);
  ASSERT_OK_AND_ASSIGN(const auto expected, model::Logits(f.layout, f.model, f.examples));
  ASSERT_OK_AND_ASSIGN(auto engine,
                       cpu::Engine::Create(f.layout, f.examples, 1, cpu::BestKernels(), f.heads));
  ASSERT_OK_AND_ASSIGN(const auto outputs, engine->Logits(f.model));
  ASSERT_EQ(outputs.size(), f.examples.rows() * 9);
  ASSERT_EQ(expected.size(), outputs.size());
  for (std::size_t i = 0; i < outputs.size(); ++i) EXPECT_NEAR(outputs[i], expected[i], 1e-4);
}

// A missing label is a head without a loss; one outside its range leaves the customer out.
TEST(Heads, MissingAndImpossibleLabels) {
  HeadsFixture f({kClasses}, 1, 10);
  std::vector<std::uint32_t> others = Everyone(f.examples);
  others.erase(others.begin() + 4);
  for (const float label : {NAN, 5.0f, -1.0f, 0.5f, INFINITY}) {
    f.examples.labels[f.examples.first_row[4]] = label;
    ASSERT_OK_AND_ASSIGN(auto engine,
                         cpu::Engine::Create(f.layout, f.examples, 1, cpu::BestKernels(), f.heads));
    ASSERT_OK_AND_ASSIGN(const auto all,
                         engine->GridSum(f.model, Everyone(f.examples), {40, 1, 0x1p20}));
    ASSERT_OK_AND_ASSIGN(const auto without, engine->GridSum(f.model, others, {40, 1, 0x1p20}));
    EXPECT_EQ(all, without) << "DP-08, DP-09: label " << label;
  }
}

TEST(Heads, LossesAreWhatTheirDerivativesSay) {
  const float logits[] = {0.3f, -1.2f, 2, 0.7f, -0.4f};
  for (const model::Head& head : {kBinary, kClasses, kSquared, kHuber}) {
    const float label = head.loss == Loss::kSoftmax ? 2 : 1;
    float delta[5];
    HeadDelta(head, logits, label, delta);
    for (std::size_t i = 0; i < head.outputs; ++i) {
      float up[5], down[5];
      std::copy_n(logits, 5, up);
      std::copy_n(logits, 5, down);
      up[i] += 0x1p-7f;
      down[i] -= 0x1p-7f;
      EXPECT_NEAR((HeadLoss(head, up, label) - HeadLoss(head, down, label)) * 0x1p6, delta[i],
                  1e-4);
    }
  }
}

TEST(Heads, RefusesHeadsThatDoNotFit) {
  const auto code = absl::StatusCode::kInvalidArgument;
  EXPECT_THAT(CheckHeads({}, 1), StatusIs(code, "heads"));
  EXPECT_THAT(CheckHeads({kBinary}, 2), StatusIs(code, "1 outputs, the model 2"));
  EXPECT_THAT(CheckHeads({{Loss::kSoftmax, 1}}, 1), StatusIs(code, "at least 2"));
  EXPECT_THAT(CheckHeads({{Loss::kHuber, 1, 1, 0}}, 1), StatusIs(code, "Huber"));
  EXPECT_THAT(CheckHeads({{Loss::kSquared, 1, NAN}}, 1), StatusIs(code, "weight"));
  HeadsFixture f(kCases.back(), 1, 11);
  f.examples.more_labels.pop_back();
  EXPECT_THAT(cpu::Engine::Create(f.layout, f.examples, 1, cpu::BestKernels(), f.heads),
              StatusIs(code, "do not agree"));
}

}  // namespace
}  // namespace veilsum::client
