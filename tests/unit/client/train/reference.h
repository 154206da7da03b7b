// Gradients the long way, for tests: one customer at a time, materialised, in long double. And
// builders of small cases.
#pragma once

#include <random>
#include <vector>

#include "client/train/cpu/engine.h"
#include "model/examples.h"
#include "model/heads.h"
#include "model/layout.h"

namespace veilsum::client {

using Exact = std::vector<long double>;
// What dropout multiplies a row's hidden units by, layer after layer; none: nothing is dropped.
using RowFactors = std::vector<std::vector<float>>;

// What a row's loss depends on besides its label: how often each output is in its softmax
// (cpu/sampled_items.h), or what its action's value is compared with.
struct RowTerms {
  std::vector<std::vector<float>> counts;
  Exact targets;
};

// The loss of all heads (none: one logistic output) summed over the rows of one customer, and its
// gradient over layout.parameters().
long double CustomerLoss(const model::Layout& layout, const Exact& model,
                         const model::Examples& examples, std::uint32_t customer,
                         const model::Heads& heads = {}, const RowFactors& dropout = {},
                         const RowTerms& terms = {});
Exact CustomerGradient(const model::Layout& layout, const Exact& model,
                       const model::Examples& examples, std::uint32_t customer,
                       const model::Heads& heads = {}, const RowFactors& dropout = {},
                       const RowTerms& terms = {});
long double Norm(const Exact& x);

struct ExampleShape {
  std::size_t customers = 20;
  std::uint32_t max_rows = 1;
  int numeric = 5;
  std::vector<std::uint32_t> buckets = {4, 8};
  std::vector<model::BagShape> bags = {};            // over lists of 6 slots, some of them empty
  std::vector<model::SequenceShape> sequences = {};  // over lists after those, of 6 slots too
};
std::size_t OneHot(const ExampleShape& shape);
// Customers of 1 to max_rows rows.
model::Examples RandomExamples(const ExampleShape& shape, std::mt19937& rng);
// He-like weights of deviation `gain` * sqrt(2 / in), small biases, plausible buffers.
model::ModelVector RandomModel(const model::Layout& layout, std::mt19937& rng, double gain = 1);
// Items of which some have one attribute, some several, and some one that only they have.
model::ItemAttributes SomeAttributes(std::size_t items);
std::vector<std::uint32_t> Everyone(const model::Examples& examples);
// Every instruction path that this CPU has.
std::vector<const cpu::Kernels*> AllPaths();
// The L2 norm of what one customer adds before rounding, from the operands that the engine stored
// (DP-08).
long double StoredNorm(const model::Layout& layout, const model::Examples& examples,
                       std::uint32_t customer, const std::vector<float>& operands);

}  // namespace veilsum::client
