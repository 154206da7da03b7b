// Dropout and layer norm: clipped sums against gradients materialised in long double, and the rules
// that a customer's contribution obeys with them (A10 to A13, DP-07 to DP-09).
#include <cmath>

#include "client/train/cpu/cpu_trainer.h"
#include "client/train/cpu/dropout.h"
#include "model/mlp.h"
#include "tests/support/seeded_rng.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/client/train/properties.h"

namespace veilsum::client {
namespace {

Secret<32> KeyOf(std::uint8_t value) {
  std::array<std::uint8_t, 32> bytes;
  bytes.fill(value);
  return Secret<32>(bytes);
}

struct Case {
  std::uint32_t max_rows;
  std::vector<std::size_t> hidden;
  double dropout;
  bool layer_norm;
  std::vector<model::BagShape> bags = {};
};

const std::vector<Case>& Cases() {
  static const std::vector<Case> cases = {
      {1, {20, 9}, 0.5, false},    {1, {20, 9}, 0, true},
      {1, {33, 17, 5}, 0.2, true}, {3, {20, 9}, 0.5, true},
      {8, {40}, 0.1, true},        {2, {20, 9}, 0.3, true, {{0, 50, 4, false}, {0, 50, 1, true}}}};
  return cases;
}

struct RegularisedNet {
  explicit RegularisedNet(const Case& wanted, bool named = true, std::uint32_t seed = 5)
      : of(wanted), rng(seed) {
    const ExampleShape shape{30, of.max_rows, 5, {4, 8}, of.bags};
    examples = RandomExamples(shape, rng);
    for (std::size_t u = 0; named && u < examples.customers(); ++u)
      examples.customer_ids.push_back(absl::StrFormat("customer %d", u));
    layout =
        model::Layout::Mlp(5, OneHot(shape), of.hidden, true, of.bags, 1, false, of.layer_norm);
    model = RandomModel(layout, rng);
  }
  std::unique_ptr<cpu::Engine> EngineOn(const cpu::Kernels& path) const {
    auto engine = cpu::Engine::Create(layout, examples, of.max_rows, path, {}, of.dropout);
    EXPECT_OK(engine);
    return *std::move(engine);
  }
  // Every step is of the key whose bytes are `key`.
  NetUnderTest Net(std::uint8_t key) const {
    return {layout,
            examples,
            model,
            of.max_rows,
            [this](const cpu::Kernels& path) { return EngineOn(path); },
            [key](cpu::Engine& engine) { engine.SetStepKey(KeyOf(key)); }};
  }
  RowFactors Masks(std::uint8_t key) const {
    cpu::Dropout dropout(layout, examples, of.max_rows, of.dropout);
    RowFactors factors;
    if (!dropout.on()) return factors;
    dropout.SetKey(KeyOf(key));
    for (std::uint32_t u = 0; u < examples.customers(); ++u)
      for (std::size_t j = 0; j < examples.first_row[u + 1] - examples.first_row[u]; ++j) {
        const auto row = dropout.Factors(u, j);
        factors.emplace_back(row.begin(), row.end());
      }
    return factors;
  }
  Exact Gradient(std::uint32_t customer, const RowFactors& masks) const {
    return CustomerGradient(layout, Exact(model.begin(), model.end()), examples, customer, {},
                            masks);
  }

  Case of;
  std::mt19937 rng;
  model::Examples examples;
  model::Layout layout = model::Layout::Mlp(1, 1, {}, false);
  model::ModelVector model;
};

TEST(RegularisedReference, AgreesWithFiniteDifferences) {
  for (const Case& wanted : Cases()) {
    const RegularisedNet f(wanted);
    const RowFactors masks = f.Masks(1);
    ExpectDifferencesAgree(f.Net(1), f.Gradient(0, masks), 3, 1e-9, [&](const Exact& model) {
      return CustomerLoss(f.layout, model, f.examples, 0, {}, masks);
    });
  }
}

TEST(RegularisedEngine, SumsAgreeWithMaterialisedGradientsOnEveryPath) {
  for (const Case& wanted : Cases()) {
    const RegularisedNet f(wanted);
    const RowFactors masks = f.Masks(7);
    std::vector<Exact> gradients;
    for (const std::uint32_t u : Everyone(f.examples)) gradients.push_back(f.Gradient(u, masks));
    ExpectSumsAgree(f.Net(7), gradients, 37);
  }
}

TEST(RegularisedEngine, PredictionsDropNothingAndAgreeWithTheReferenceForwardPass) {
  for (const Case& wanted : Cases()) {
    const RegularisedNet f(wanted);
    ASSERT_OK_AND_ASSIGN(const auto expected, model::Logits(f.layout, f.model, f.examples));
    for (const cpu::Kernels* path : AllPaths()) {
      ASSERT_OK_AND_ASSIGN(const auto logits, f.EngineOn(*path)->Logits(f.model));
      ASSERT_EQ(logits.size(), expected.size());
      for (std::size_t i = 0; i < logits.size(); ++i)
        ASSERT_NEAR(logits[i], expected[i], 2e-5) << path->name;
    }
  }
}

TEST(RegularisedEngine, RowsAreInvariant) {
  for (const Case& wanted : Cases()) {
    RegularisedNet f(wanted);
    ExpectRowInvariance(f.Net(3), f.rng, 4);
  }
}

TEST(RegularisedEngine, OneCustomerMoreMovesTheSumByAtMostD2) {
  for (const Case& wanted : Cases())
    ExpectMovesWithinD2(RegularisedNet(wanted).Net(9), {40, 0.5, 0x1p16});
}

// A12: the stored operands' gradient, after the factor, is never longer than the clip norm.
TEST(RegularisedEngine, ClipsWhatItStoresAndLeavesOutWhatIsNotFinite) {
  for (const Case& wanted : Cases()) {
    if (!wanted.bags.empty()) continue;  // StoredNorm has no bags
    RegularisedNet f(wanted);
    f.examples.numeric_values[0] = std::numeric_limits<float>::quiet_NaN();
    f.model = RandomModel(f.layout, f.rng, 3);
    for (const cpu::Kernels* path : AllPaths()) {
      const auto engine = f.EngineOn(*path);
      cpu::Trace trace;
      engine->set_trace(&trace);
      engine->SetStepKey(KeyOf(2));
      ASSERT_OK_AND_ASSIGN(const auto sum, engine->Sum(f.model, Everyone(f.examples), 30, 0.25));
      EXPECT_EQ(trace.factors[0], 0) << "DP-09";
      for (const double value : sum) ASSERT_TRUE(std::isfinite(value));
      for (std::uint32_t u = 1; u < 30; ++u)
        ASSERT_LE(trace.factors[u] *
                      static_cast<double>(StoredNorm(f.layout, f.examples, u, trace.operands[u])),
                  0.25);
    }
  }
}

TEST(Dropout, MasksAreOfKeyCustomerAndRowAloneWhoeverElseThereIs) {
  const RegularisedNet f(Cases()[3]);
  model::Examples fewer = f.examples;  // the first customer is gone: everybody's index moves
  fewer.customer_ids.erase(fewer.customer_ids.begin());
  fewer.first_row.erase(fewer.first_row.begin());
  cpu::Dropout all(f.layout, f.examples, 3, 0.5), less(f.layout, fewer, 3, 0.5);
  all.SetKey(KeyOf(1));
  less.SetKey(KeyOf(1));
  const auto copy = [](std::span<const float> x) { return std::vector<float>(x.begin(), x.end()); };
  for (std::uint32_t u = 1; u < 30; ++u)
    for (std::size_t row = 0; row < 3; ++row)
      EXPECT_EQ(copy(all.Factors(u, row)), copy(less.Factors(u - 1, row)));
  EXPECT_NE(copy(all.Factors(4, 0)), copy(all.Factors(5, 0)));
  EXPECT_NE(copy(all.Factors(4, 0)), copy(all.Factors(4, 1)));
  const std::vector<float> before = copy(all.Factors(4, 0));
  all.SetKey(KeyOf(2));
  EXPECT_NE(copy(all.Factors(4, 0)), before);
}

// 5.33 standard deviations: one false alarm in ten million.
TEST(Dropout, UnitsAreDroppedAtTheRateAndKeepTheirExpectation) {
  for (const double rate : {0.1, 0.5, 0.875}) {
    const RegularisedNet f({1, {128, 64}, rate, false});
    cpu::Dropout dropout(f.layout, f.examples, 1, rate);
    double dropped = 0, sum = 0, count = 0;
    for (std::uint8_t key = 0; key < 20; ++key) {
      dropout.SetKey(KeyOf(key));
      for (std::uint32_t u = 0; u < 30; ++u)
        for (const float factor : dropout.Factors(u, 0)) {
          dropped += factor == 0;
          sum += static_cast<double>(factor);
          ++count;
        }
    }
    const double deviation = std::sqrt(rate * (1 - rate) / count);
    EXPECT_NEAR(dropped / count, rate, 5.33 * deviation);
    EXPECT_NEAR(sum / count, 1, 5.33 * deviation / (1 - rate));
  }
}

TEST(Dropout, EveryStepNeedsAKeyOfItsOwn) {
  const RegularisedNet f(Cases()[0]);
  const auto engine = f.EngineOn(cpu::BestKernels());
  const auto everyone = Everyone(f.examples);
  EXPECT_THAT(engine->Sum(f.model, everyone, 30, 1.0),
              StatusIs(absl::StatusCode::kInvalidArgument, "DP-09"));
  engine->SetStepKey(KeyOf(1));
  EXPECT_OK(engine->Sum(f.model, everyone, 30, 1.0));
  EXPECT_THAT(engine->GridSum(f.model, everyone, {30, 1, 0x1p16}),
              StatusIs(absl::StatusCode::kInvalidArgument, "DP-09"));
  // A step that is refused has had its key too.
  engine->SetStepKey(KeyOf(2));
  EXPECT_THAT(engine->Sum(f.model, everyone, 1, 1.0),
              StatusIs(absl::StatusCode::kInvalidArgument, "DP-06"));
  EXPECT_THAT(engine->Sum(f.model, everyone, 30, 1.0),
              StatusIs(absl::StatusCode::kInvalidArgument, "DP-09"));
  for (const double rate : {-0.1, 1.0, std::nan("")})
    EXPECT_THAT(MakeCpuTrainer(f.layout, f.examples, 1, {}, rate),
                StatusIs(absl::StatusCode::kInvalidArgument, "dropout"));
}

}  // namespace
}  // namespace veilsum::client
