// Central DP-SGD on pooled examples with the product's engine and strategy, for choosing a plan's
// numbers on public data. A SIMULATOR: seeded coins, rounded normal noise from a seeded generator.
// Nothing it makes is private.
#pragma once

#include <vector>

#include "base/status.h"
#include "model/examples.h"
#include "model/heads.h"
#include "model/layout.h"

namespace veilsum {

struct CentralSetting {
  std::uint32_t steps = 600;
  double sampling_rate = 0.1;
  double expected_batch = 1024;
  double clip_norm = 1;
  double noise_multiplier = 0;  // of the noise that is really added: with the surplus for drop-outs
  double statistics_noise =
      0;  // noise multiplier of the statistics query; the layout says whether there is one
  std::uint32_t bands = 1;  // of a banded matrix factorisation; noise is then that of a row
  std::string optimizer = "adam";
  double learning_rate = 0.005;
  double momentum = 0.9;
  double first_layer_gain = 1;    // layer 0 of model::InitialModel is multiplied by it
  std::vector<double> averaging;  // decays to follow at once; the iterate itself is always followed
  std::uint32_t report_every = 0;  // 0: only after the last step
  std::uint64_t seed = 1;
  model::Heads heads = {};  // none: one logistic output
  double dropout = 0;
  const model::ModelVector* start = nullptr;  // the first model; null: model::InitialModel of seed
};

// One published model: after `step` steps, the iterate (averaging 0) or one of the averages.
struct CentralModel {
  std::uint32_t step;
  double averaging;
  model::ModelVector model;
};

// Errors of the engine and the strategy.
absl::StatusOr<std::vector<CentralModel>> SimulateCentral(const model::Layout& layout,
                                                          const model::Examples& examples,
                                                          const CentralSetting& setting);

// Appends the customers of `more`.
void AppendCustomers(const model::Examples& more, model::Examples& all);

}  // namespace veilsum
