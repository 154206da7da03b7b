// Heads of recommendation, a sampled softmax over items (the two towers' dot products) and action
// values against a target model: clipped sums against gradients materialised in long double, and
// the rules that a customer's contribution obeys with them (A10 to A13, DP-07 to DP-09).
#include <cmath>

#include "client/train/cpu/cpu_trainer.h"
#include "client/train/loss.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/client/train/properties.h"

namespace veilsum::client {
namespace {

using model::Loss;

Secret<32> StepKey(std::uint8_t value) {
  std::array<std::uint8_t, 32> bytes;
  bytes.fill(value);
  return Secret<32>(bytes);
}

struct RankingCase {
  std::uint32_t max_rows;
  std::vector<std::size_t> hidden;
  model::Heads heads;
  double dropout = 0;
  std::vector<model::BagShape> bags = {};
  bool attributes = false;  // of the items
};

model::Head Items(std::size_t outputs, std::size_t negatives) {
  return {.loss = Loss::kSoftmax, .outputs = outputs, .negatives = negatives};
}
model::Head Actions(std::size_t outputs, double huber, double discount) {
  return {.loss = Loss::kTemporal, .outputs = outputs, .huber = huber, .discount = discount};
}

const std::vector<RankingCase>& RankingCases() {
  static const std::vector<RankingCase> cases = {
      {1, {20, 9}, {Items(30, 5)}},
      {4, {24}, {Items(50, 49)}},
      {3, {20, 9}, {Items(17, 4), {.weight = 0.5}}, 0.25},
      {2, {12}, {Items(21, 6)}, 0, {{0, 50, 4, false}, {0, 50, 21, true}}},
      {1, {20, 9}, {Actions(5, 1, 0)}},
      {6, {20, 9}, {Actions(7, 0.5, 0.9)}},
      {3, {16}, {Actions(4, 100, 0.5)}, 0.25, {{0, 50, 4, false}, {0, 50, 4, true}}},
      {1, {20, 9}, {Items(30, 0)}, 0, {}, true},
      {4, {24}, {Items(50, 12)}, 0.25, {}, true},
      {2, {12}, {Items(40, 6)}, 0, {{0, 50, 4, false}, {0, 50, 26, true}}, true}};
  return cases;
}

constexpr std::uint32_t kRankingCustomers = 30;

struct RankingNet {
  explicit RankingNet(const RankingCase& wanted, std::uint32_t seed = 5) : of(wanted), rng(seed) {
    const ExampleShape shape{kRankingCustomers, of.max_rows, 5, {4, 8}, of.bags};
    examples = RandomExamples(shape, rng);
    std::size_t outputs = 0;
    for (const model::Head& head : of.heads) outputs += head.outputs;
    for (std::uint32_t u = 0; u < kRankingCustomers; ++u)
      examples.customer_ids.push_back(absl::StrFormat("customer %d", u));
    for (float& label : examples.labels)
      label = static_cast<float>(rng() % of.heads.front().outputs);
    for (std::size_t i = 0; i < examples.rows() * (of.heads.size() - 1); ++i)
      examples.more_labels.push_back(static_cast<float>(rng() % 2));
    std::normal_distribution<float> normal;
    for (std::size_t i = 0; i < examples.rows() && temporal(); ++i)
      examples.rewards.push_back(normal(rng));
    std::optional<model::ItemAttributes> items;
    if (of.attributes) items = SomeAttributes(outputs);
    layout = model::Layout::Mlp(5, OneHot(shape), of.hidden, true, of.bags,
                                items ? items->attributes() : outputs, false, false, {}, items);
    model = RandomModel(layout, rng);
    target = RandomModel(layout, rng);
    std::copy_n(model.begin(), layout.buffers(), target.begin());
  }
  bool temporal() const { return of.heads.front().loss == Loss::kTemporal; }
  std::unique_ptr<cpu::Engine> EngineOn(const cpu::Kernels& path) const {
    auto engine = cpu::Engine::Create(layout, examples, of.max_rows, path, of.heads, of.dropout);
    EXPECT_OK(engine);
    (*engine)->SetTarget(target);
    return *std::move(engine);
  }
  // Every step is of the key whose bytes are `key`.
  NetUnderTest Net(std::uint8_t key) const {
    return {layout,
            examples,
            model,
            of.max_rows,
            [this](const cpu::Kernels& path) { return EngineOn(path); },
            [this, key](cpu::Engine& engine) {
              engine.SetTarget(target);
              engine.SetStepKey(StepKey(key));
            }};
  }
  template <class F>
  void ForRows(F&& each) const {
    for (std::uint32_t u = 0; u < kRankingCustomers; ++u)
      for (std::size_t j = 0; j < examples.first_row[u + 1] - examples.first_row[u]; ++j)
        each(u, j);
  }
  RowFactors Masks(std::uint8_t key) const {
    cpu::Dropout dropout(layout, examples, of.max_rows, of.dropout);
    RowFactors factors;
    if (!dropout.on()) return factors;
    dropout.SetKey(StepKey(key));
    ForRows([&](std::uint32_t u, std::size_t j) {
      const auto row = dropout.Factors(u, j);
      factors.emplace_back(row.begin(), row.end());
    });
    return factors;
  }
  // The counts of the key's negatives; the targets by a plain engine that knows of no heads.
  RowTerms Terms(std::uint8_t key) const {
    RowTerms terms;
    cpu::SampledItems items(of.heads, examples, of.max_rows);
    if (items.on()) {
      items.SetKey(StepKey(key));
      ForRows([&](std::uint32_t u, std::size_t j) {
        const auto row = items.Weights(u, j);
        terms.counts.emplace_back(row.begin(), row.end());
      });
    }
    if (!temporal()) return terms;
    const auto values = *EngineOn(cpu::BaselineKernels())->Logits(target);
    const std::size_t actions = of.heads.front().outputs;
    ForRows([&](std::uint32_t u, std::size_t j) {
      const std::size_t row = examples.first_row[u] + j;
      long double next = 0;
      if (row + 1 < examples.first_row[u + 1])
        next = BestValue(values.data() + (row + 1) * actions, actions);
      terms.targets.push_back(examples.rewards[row] + of.heads.front().discount * next);
    });
    return terms;
  }

  RankingCase of;
  std::mt19937 rng;
  model::Examples examples;
  model::Layout layout = model::Layout::Mlp(1, 1, {}, false);
  model::ModelVector model, target;
};

TEST(RecommendationReference, AgreesWithFiniteDifferences) {
  for (const RankingCase& wanted : RankingCases()) {
    const RankingNet f(wanted);
    const RowFactors masks = f.Masks(1);
    const RowTerms terms = f.Terms(1);
    const Exact gradient = CustomerGradient(f.layout, Exact(f.model.begin(), f.model.end()),
                                            f.examples, 0, wanted.heads, masks, terms);
    ExpectDifferencesAgree(f.Net(1), gradient, 7, 1e-8, [&](const Exact& model) {
      return CustomerLoss(f.layout, model, f.examples, 0, wanted.heads, masks, terms);
    });
  }
}

TEST(RecommendationEngine, SumsAgreeWithMaterialisedGradientsOnEveryPath) {
  for (const RankingCase& wanted : RankingCases()) {
    const RankingNet f(wanted);
    const RowFactors masks = f.Masks(7);
    const RowTerms terms = f.Terms(7);
    const Exact model(f.model.begin(), f.model.end());
    std::vector<Exact> gradients;
    for (std::uint32_t u = 0; u < kRankingCustomers; ++u)
      gradients.push_back(
          CustomerGradient(f.layout, model, f.examples, u, wanted.heads, masks, terms));
    ExpectSumsAgree(f.Net(7), gradients, 37);
  }
}

TEST(RecommendationEngine, RowsAreInvariant) {
  for (const RankingCase& wanted : RankingCases()) {
    RankingNet f(wanted);
    ExpectRowInvariance(f.Net(3), f.rng, 4);
  }
}

TEST(RecommendationEngine, OneCustomerMoreMovesTheSumByAtMostD2) {
  for (const RankingCase& wanted : RankingCases())
    ExpectMovesWithinD2(RankingNet(wanted).Net(9), {40, 0.5, 0x1p16});
}

// A12: the stored operands' gradient, after the factor, is never longer than the clip norm; what is
// not finite contributes nothing (DP-09).
TEST(RecommendationEngine, ClipsWhatItStoresAndLeavesOutWhatIsNotFinite) {
  for (const RankingCase& wanted : RankingCases()) {
    if (!wanted.bags.empty()) continue;  // StoredNorm has no bags
    RankingNet f(wanted);
    f.examples.numeric_values[0] = NAN;
    f.examples.labels[f.examples.first_row[1]] = 1000;
    if (f.temporal()) f.examples.rewards[f.examples.first_row[2]] = INFINITY;
    f.model = RandomModel(f.layout, f.rng, 3);
    for (const cpu::Kernels* path : AllPaths()) {
      const auto engine = f.EngineOn(*path);
      cpu::Trace trace;
      engine->set_trace(&trace);
      engine->SetStepKey(StepKey(2));
      ASSERT_OK_AND_ASSIGN(const auto sum, engine->Sum(f.model, Everyone(f.examples), 30, 0.25));
      EXPECT_EQ(trace.factors[0], 0) << "DP-09";
      EXPECT_EQ(trace.factors[1], 0) << "an item that there is not";
      if (f.temporal()) {
        EXPECT_EQ(trace.factors[2], 0) << "a reward that is not finite";
      }
      for (const double value : sum) ASSERT_TRUE(std::isfinite(value));
      for (std::uint32_t u = 3; u < kRankingCustomers; ++u) {
        const long double norm = StoredNorm(f.layout, f.examples, u, trace.operands[u]);
        ASSERT_LE(trace.factors[u] * static_cast<double>(norm), 0.25);
        ASSERT_GT(trace.factors[u], 0);
      }
    }
  }
}

TEST(SampledItems, AreOfKeyCustomerAndRowAndCountAsManyAsTheyStandFor) {
  const RankingNet f(RankingCases()[2]);
  const auto copy = [](std::span<const float> x) { return std::vector<float>(x.begin(), x.end()); };
  cpu::SampledItems items(f.of.heads, f.examples, 3);
  double in = 0, counts = 0, draws = 0;
  for (std::uint8_t key = 0; key < 60; ++key) {
    items.SetKey(StepKey(key));
    for (std::uint32_t u = 0; u < kRankingCustomers; ++u)
      for (const float count : items.Weights(u, 0)) {
        in += count != 0;
        counts += static_cast<double>(count);
        ++draws;
      }
  }
  const double rate = 4.0 / 16, deviation = std::sqrt(rate * (1 - rate) / draws);
  EXPECT_NEAR(in / draws, rate, 5.33 * deviation);  // one false alarm in ten million
  EXPECT_NEAR(counts / draws, 1, 5.33 * deviation / rate);
  items.SetKey(StepKey(1));
  const auto before = copy(items.Weights(4, 0));
  EXPECT_NE(copy(items.Weights(5, 0)), before);
  EXPECT_NE(copy(items.Weights(4, 1)), before);
  EXPECT_EQ(copy(items.Weights(4, 0)), before);
  const cpu::SampledItems all({Items(9, 0)}, f.examples, 3);
  EXPECT_FALSE(all.on());
}

// With as many negatives as there are other items the softmax is the whole one.
TEST(SampledItems, AllOfThemMakeTheWholeSoftmax) {
  RankingCase whole = RankingCases()[1], sampled = RankingCases()[1];
  whole.heads.front().negatives = 0;
  const RankingNet f(whole), g(sampled);
  const auto one = f.EngineOn(cpu::BestKernels()), other = g.EngineOn(cpu::BestKernels());
  other->SetStepKey(StepKey(1));
  ASSERT_OK_AND_ASSIGN(const auto a, one->Sum(f.model, Everyone(f.examples), 30, 1.0));
  ASSERT_OK_AND_ASSIGN(const auto b, other->Sum(f.model, Everyone(f.examples), 30, 1.0));
  EXPECT_TRUE(std::ranges::equal(a, b));
}

TEST(SampledItems, EveryStepNeedsAKeyOfItsOwn) {
  const RankingNet f(RankingCases()[0]);
  const auto engine = f.EngineOn(cpu::BestKernels());
  const auto code = absl::StatusCode::kInvalidArgument;
  EXPECT_THAT(engine->Sum(f.model, Everyone(f.examples), 30, 1.0), StatusIs(code, "DP-09"));
  engine->SetStepKey(StepKey(1));
  EXPECT_OK(engine->Sum(f.model, Everyone(f.examples), 30, 1.0));
  EXPECT_THAT(engine->Sum(f.model, Everyone(f.examples), 30, 1.0), StatusIs(code, "DP-09"));
}

// A bandit's target is its reward; with a discount the target model's values count, and the model
// of the call becomes the target model in the sum after target_every.
TEST(ActionValues, TargetsComeFromThePublishedModelOfItsTurn) {
  RankingCase wanted = RankingCases()[5];
  wanted.heads.front().target_every = 3;
  RankingNet f(wanted);
  const auto sum = [&](cpu::Engine& engine, const model::ModelVector& model) {
    const auto out = engine.Sum(model, Everyone(f.examples), 30, 1e6);
    EXPECT_OK(out);
    return std::vector<double>(out->begin(), out->end());
  };
  auto engine = *cpu::Engine::Create(f.layout, f.examples, 6, cpu::BestKernels(), wanted.heads);
  const auto own = sum(*engine, f.target);  // no target yet: it is its own
  const auto first = sum(*engine, f.model), second = sum(*engine, f.model);
  EXPECT_EQ(first, second) << "the target stays";
  const auto renewed = sum(*engine, f.model);  // the fourth
  EXPECT_NE(renewed, first);
  auto fresh = *cpu::Engine::Create(f.layout, f.examples, 6, cpu::BestKernels(), wanted.heads);
  EXPECT_EQ(sum(*fresh, f.model), renewed);
  fresh->SetTarget(f.target);
  EXPECT_EQ(sum(*fresh, f.model), first);
}

TEST(ActionValues, BestIsNotANumberWhereOneIsNot) {
  const float values[] = {1, -3, 2};
  EXPECT_EQ(BestValue(values, 3), 2);
  const float wrong[] = {1, NAN, 2}, large[] = {1, INFINITY};
  EXPECT_TRUE(std::isnan(BestValue(wrong, 3)));
  EXPECT_TRUE(std::isnan(BestValue(large, 2)));
}

TEST(RecommendationHeads, RefusesHeadsThatDoNotFit) {
  const auto code = absl::StatusCode::kInvalidArgument;
  EXPECT_THAT(CheckHeads({Items(5, 5)}, 5), StatusIs(code, "sampled negatives"));
  EXPECT_THAT(CheckHeads({{}, Items(5, 2)}, 6), StatusIs(code, "sampled negatives"));
  EXPECT_THAT(CheckHeads({{.negatives = 1}}, 1), StatusIs(code, "sampled negatives"));
  EXPECT_THAT(CheckHeads({Actions(3, 1, 1)}, 3), StatusIs(code, "discount"));
  EXPECT_THAT(CheckHeads({Actions(3, 1, 0), {}}, 4), StatusIs(code, "only one"));
  EXPECT_THAT(CheckHeads({Actions(1, 1, 0)}, 1), StatusIs(code, "at least 2"));
  RankingNet f(RankingCases()[4]);
  f.examples.rewards.pop_back();
  EXPECT_THAT(cpu::Engine::Create(f.layout, f.examples, 1, cpu::BestKernels(), f.of.heads),
              StatusIs(code, "do not agree"));
}

}  // namespace
}  // namespace veilsum::client
