// One merchant on its own: what it would reach without the federation, or makes of a release for
// itself. No noise, so that the result must not leave the merchant (SE-17).
#pragma once

#include "base/secure_rng.h"
#include "base/status.h"
#include "dp/mechanism/penalty.h"
#include "model/examples.h"
#include "model/heads.h"
#include "model/layout.h"

namespace veilsum::client {

struct LocalTraining {
  std::uint32_t steps = 200;
  double learning_rate = 0.002;
  double clip_norm = 10;        // as the plan's [nonprivate] section
  double batch_fraction = 0.1;  // every customer is in a step with this probability
  std::uint32_t max_rows = 1;   // of one customer, as in the plan
  model::Heads heads = {};      // of the model; none: one logistic output
  double dropout = 0;           // as the plan's
  bool keep_buffers = false;    // of `initial`, instead of these examples' own statistics
  dp::Penalty penalty = {};     // beside the mean loss of a customer; its start is `initial`
  std::vector<dp::Penalty::Range> moves = {};  // parameters that are trained; none: all
};

// Adam(0.9, 0.999, 1e-8) from `initial` on the examples alone; returns the last iterate. When the
// layout is standardised, and unless keep_buffers, the buffers are first set to the exact mean and
// 1 / deviation of these examples' numeric inputs. `rng` draws the batches. InvalidArgument: no
// customers, or settings out of range.
absl::StatusOr<model::ModelVector> TrainAlone(const model::Layout& layout,
                                              const model::Examples& examples,
                                              const model::ModelVector& initial,
                                              const LocalTraining& settings, SecureRng& rng);

}  // namespace veilsum::client
