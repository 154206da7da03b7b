// Generated shops as an example plan reads them, and models that the plan's training makes of them:
// central DP-SGD with the product's engine, strategy and the noise of a federation of these shops
// (tests/bench/central_simulation.h), by the RDP accountant, which is quicker than the plan's and
// asks for a little more. A SIMULATOR: nothing it makes is private.
#pragma once

#include "cli/demo/shops/market.h"
#include "model/examples.h"
#include "model/layout.h"
#include "model/plan/plan.h"

namespace veilsum::sim {

struct LearntShops {
  model::Plan plan;
  model::Layout layout = model::Layout::Mlp(1, 1, {}, false);
  model::Examples training, holdout;
  std::vector<std::uint64_t> size_classes;

  // Writes the market to a folder and reads it as deploy/examples/`plan`.toml says. `epsilon`
  // replaces the plan's.
  static LearntShops Load(const cli::Market& market, const std::string& plan,
                          const std::string& epsilon);
  // The same of some of its shops and of any plan for such data.
  static LearntShops Read(const cli::Market& market, std::size_t first, std::size_t count,
                          const model::Plan& plan);
  // The published model after `steps`, under the noise that the plan's epsilon asks for over all of
  // the plan's rounds or, without `noise`, with [nonprivate]. `start`: null is a model of `seed`.
  model::ModelVector Train(bool noise, std::uint32_t steps, std::uint64_t seed,
                           const model::ModelVector* start = nullptr) const;
  // The outputs of all rows.
  std::vector<double> Outputs(const model::ModelVector& model, const model::Examples& rows) const;
};

}  // namespace veilsum::sim
