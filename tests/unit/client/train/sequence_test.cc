// Convolutions and recurrent units over sequences in the engine, against gradients by differences
// in long double; and the rules that a customer's contribution obeys with them (A10 to A13, DP-07
// to DP-09).
#include "model/sequence.h"

#include <cmath>

#include "model/mlp.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/client/train/properties.h"

namespace veilsum::client {
namespace {

constexpr auto kConvolution = model::Encoder::kConvolution;
constexpr auto kRecurrent = model::Encoder::kRecurrent;

struct SequenceCase {
  std::uint32_t max_rows;
  std::vector<model::SequenceShape> sequences;
  std::vector<model::BagShape> bags = {};
};

const std::vector<SequenceCase>& SequenceCases() {
  static const std::vector<SequenceCase> cases = {
      {1, {{0, 6, 7, 3, kConvolution, 3, 4}}},
      {3, {{0, 6, 2, 3, kConvolution, 1, 5}}},  // ids that come again and again
      {1, {{0, 6, 7, 3, kRecurrent, 0, 4}}},
      {2, {{0, 6, 3, 2, kRecurrent, 0, 5}}},
      {2,
       {{1, 6, 5, 2, kConvolution, 6, 3}, {2, 6, 9, 3, kRecurrent, 0, 2}},
       {{0, 11, 3, false}, {0, 11, 1, true}}}};
  return cases;
}

ExampleShape ShapeOf(const SequenceCase& of) {
  ExampleShape shape;
  shape.max_rows = of.max_rows;
  shape.bags = of.bags;
  shape.sequences = of.sequences;
  return shape;
}

struct SequenceNet : PlainNet {
  explicit SequenceNet(const SequenceCase& of, double gain = 1)
      : PlainNet(ShapeOf(of), {20, 9}, true, of.max_rows, gain) {}
};
TEST(Sequence, ClippedSumsAgreeWithMaterialisedGradients) {
  for (const SequenceCase& of : SequenceCases()) {
    const SequenceNet f(of);
    ExpectSumsAgree(f.Net(), f.Gradients(), 64);
  }
}

// What is learnt of a sequence alone, without the layers above it to hide an error.
TEST(Sequence, ItsOwnPartOfTheSumAgreesToo) {
  for (const SequenceCase& of : SequenceCases()) {
    const SequenceNet f(of);
    const Exact expected = ClippedSum(f.Gradients(), 1e6);
    const auto engine = f.EngineOn(cpu::BestKernels());
    ASSERT_OK_AND_ASSIGN(const auto sum, engine->Sum(f.model, Everyone(f.examples), 64, 1e6));
    for (const model::Sequence& sequence : f.layout.sequences()) {
      const std::size_t first = sequence.table - f.layout.buffers();
      const std::size_t end = sequence.bias + sequence.biases() - f.layout.buffers();
      Exact part(expected.begin() + static_cast<std::ptrdiff_t>(first),
                 expected.begin() + static_cast<std::ptrdiff_t>(end));
      const long double whole = Norm(part);
      for (std::size_t i = first; i < end; ++i) part[i - first] -= sum[i];
      EXPECT_GT(whole, 0);
      EXPECT_LT(Norm(part), 1e-5L * whole);
    }
  }
}

TEST(Sequence, LogitsAgreeWithTheReferenceForwardPass) {
  for (const SequenceCase& of : SequenceCases()) {
    const SequenceNet f(of);
    ASSERT_OK_AND_ASSIGN(const auto expected, model::Logits(f.layout, f.model, f.examples));
    ASSERT_OK_AND_ASSIGN(const auto logits, f.EngineOn(cpu::BestKernels())->Logits(f.model));
    ASSERT_EQ(logits.size(), expected.size());
    for (std::size_t i = 0; i < logits.size(); ++i) EXPECT_NEAR(logits[i], expected[i], 1e-4);
  }
}

TEST(Sequence, OrderCounts) {
  for (const model::Encoder encoder : {kConvolution, kRecurrent}) {
    SequenceNet f({1, {{0, 6, 7, 3, encoder, encoder == kConvolution ? 2u : 0u, 4}}});
    model::IdList& list = f.examples.lists[0];
    std::fill_n(list.weights.begin(), 6, 0.5f);
    std::ranges::copy(std::vector<std::uint32_t>{1, 2, 3, 4, 5, 6}, list.ids.begin());
    ASSERT_OK_AND_ASSIGN(const auto forwards, model::Logits(f.layout, f.model, f.examples));
    std::reverse(list.ids.begin(), list.ids.begin() + 6);
    ASSERT_OK_AND_ASSIGN(const auto backwards, model::Logits(f.layout, f.model, f.examples));
    EXPECT_GT(std::abs(forwards[0] - backwards[0]), 1e-3);
    std::fill_n(list.weights.begin(), 6, 0.1f);  // that there is an event counts, not its weight
    ASSERT_OK_AND_ASSIGN(const auto lighter, model::Logits(f.layout, f.model, f.examples));
    EXPECT_EQ(lighter[0], backwards[0]);
  }
}

// A11.
TEST(Sequence, CustomersAreTheSameBitsAloneAndInAnyPlace) {
  for (const SequenceCase& of : SequenceCases()) {
    SequenceNet f(of);
    ExpectRowInvariance(f.Net(), f.rng, 4);
  }
}

// A10, A13: also with large weights, whose gradients are all clipped.
TEST(Sequence, OneCustomerMoreMovesTheSumByAtMostD2) {
  for (const SequenceCase& of : SequenceCases())
    for (const double gain : {1.0, 4.0})
      ExpectMovesWithinD2(SequenceNet(of, gain).Net(), {40, 0.5, 0x1p16});
}

// DP-08: a model, which others choose, makes the gradients of one event's places cancel. Taken
// apart they are so long that rounding would hide the whole of what is left.
TEST(Sequence, PlacesThatCancelAreClippedByTheirSum) {
  SequenceNet f({1, {{0, 6, 7, 3, kConvolution, 2, 4}}});
  const model::Sequence& sequence = f.layout.sequences()[0];
  for (std::size_t i = 0; i < sequence.weights() / 2; ++i) {
    f.model[sequence.weight + i] = (i % 2 == 0 ? 1e9f : -3e9f);
    f.model[sequence.weight + sequence.weights() / 2 + i] = -f.model[sequence.weight + i];
  }
  for (std::size_t c = 0; c < sequence.channels; ++c) f.model[sequence.bias + c] = 3;
  model::IdList& list = f.examples.lists[0];
  std::ranges::fill(list.ids, 1u);  // one event again and again: windows see a difference of 0
  std::ranges::fill(list.weights, 0.5f);
  const StepShape shape{20, 0.01, 0x1p24};
  const double most = shape.scale * shape.clip_norm * (1 + 0x1p-20) +
                      std::sqrt(static_cast<double>(f.layout.parameters()));
  const auto engine = f.EngineOn(cpu::BestKernels());
  for (const std::uint32_t u : Everyone(f.examples)) {
    const std::vector<std::uint32_t> one = {u};
    ASSERT_OK_AND_ASSIGN(const auto sum, engine->GridSum(f.model, one, shape, one));
    double squares = 0;
    for (const std::int64_t x : sum) squares += static_cast<double>(x) * static_cast<double>(x);
    EXPECT_LE(std::sqrt(squares), most);
    EXPECT_GT(squares, 0);
  }
}

// DP-09: numbers so large that states or sums overflow.
TEST(Sequence, WhatIsNotFiniteContributesExactlyNothing) {
  for (const SequenceCase& of : SequenceCases()) {
    SequenceNet f(of);
    const model::Sequence& sequence = f.layout.sequences().back();
    model::IdList& list = f.examples.lists[sequence.list];
    std::ranges::replace(list.ids, 1u, 0u);
    const std::size_t first = f.examples.first_row[4] * list.slots;
    list.ids[first] = 1;  // this customer alone has it
    list.weights[first] = 1;
    f.model[sequence.table + sequence.embedding] = std::numeric_limits<float>::quiet_NaN();
    std::vector<std::uint32_t> everyone = Everyone(f.examples), others = everyone;
    others.erase(others.begin() + 4);
    const auto engine = f.EngineOn(cpu::BestKernels());
    const StepShape shape{64, 1, 0x1p20};
    ASSERT_OK_AND_ASSIGN(const auto all, engine->GridSum(f.model, everyone, shape, everyone));
    ASSERT_OK_AND_ASSIGN(const auto without, engine->GridSum(f.model, others, shape, others));
    EXPECT_EQ(all, without);
  }
}

TEST(Sequence, RefusesListsThatDoNotFit) {
  SequenceNet f(SequenceCases()[0]);
  f.examples.lists[0].ids[2] = 7;
  EXPECT_THAT(model::Logits(f.layout, f.model, f.examples),
              StatusIs(absl::StatusCode::kInvalidArgument, "id 7 in list 0, must be below 7"));
  SequenceNet longer({1, {{0, 5, 7, 3, kConvolution, 3, 4}}});
  EXPECT_THAT(cpu::Engine::Create(longer.layout, longer.examples, 1, cpu::BestKernels()),
              StatusIs(absl::StatusCode::kInvalidArgument, "its sequence 5"));
}

}  // namespace
}  // namespace veilsum::client
