// What the sums of every net must show, on each instruction path of the CPU engine (DP-02, DP-06 to
// DP-08). Each check fails the test that runs it.
#pragma once

#include <functional>
#include <memory>

#include "tests/unit/client/train/reference.h"

namespace veilsum::client {

// A net and its customers; all of it outlives the checks.
struct NetUnderTest {
  const model::Layout& layout;
  const model::Examples& examples;
  const model::ModelVector& model;
  std::uint32_t max_rows;
  // An engine for them on one path.
  std::function<std::unique_ptr<cpu::Engine>(const cpu::Kernels&)> engine_on;
  // Called before each sum: sets the step's key and the target, where the net needs them.
  std::function<void(cpu::Engine&)> before_sum = [](cpu::Engine&) {};
};

// A random net with one logistic output, over random customers.
struct PlainNet {
  // Dense inputs, categories, bags and sequences are the shape's; `gain` as RandomModel has it.
  PlainNet(const ExampleShape& wanted, const std::vector<std::size_t>& hidden, bool standardised,
           std::uint32_t seed, double gain = 1);
  Exact exact() const { return Exact(model.begin(), model.end()); }
  std::unique_ptr<cpu::Engine> EngineOn(const cpu::Kernels& path) const;
  NetUnderTest Net() const;
  // CustomerGradient of each.
  std::vector<Exact> Gradients() const;

  ExampleShape shape;
  std::mt19937 rng;
  model::Examples examples;
  model::Layout layout;
  model::ModelVector model;
};

// Every `stride`th number of `gradient` is within `tolerance` of central differences of `loss`.
void ExpectDifferencesAgree(const NetUnderTest& net, const Exact& gradient, std::size_t stride,
                            double tolerance,
                            const std::function<long double(const Exact& model)>& loss);

// The sum of gradients, each no longer than `clip_norm`.
Exact ClippedSum(const std::vector<Exact>& gradients, long double clip_norm);

// Sums over everyone, in a batch padded to `padded`, are within 1e-5 of ClippedSum, relative in L2,
// at three clip norms. `gradients` is one a customer.
void ExpectSumsAgree(const NetUnderTest& net, const std::vector<Exact>& gradients,
                     std::uint32_t padded);

// A11: what a customer adds is the same bits alone and at random places of random batches, whose
// sizes are 1, 1 + `stride`, ... (DP-07).
void ExpectRowInvariance(const NetUnderTest& net, std::mt19937& rng, std::size_t stride);

// D2 = s C (1 + 2^-20) + sqrt(d) + fp_err (DP-02, L1).
double SensitivityBound(const StepShape& shape, std::uint32_t max_rows, std::size_t d);
// In L2.
double Distance(const std::vector<std::int64_t>& a, const std::vector<std::int64_t>& b);

// A10, A13: whoever is left out, the grid sum moves by at most D2; and some customer moves it by
// 0.4 s C or more, so that the check sees contributions.
void ExpectMovesWithinD2(const NetUnderTest& net, const StepShape& shape);

}  // namespace veilsum::client
