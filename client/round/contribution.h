// What a merchant adds to one secure sum: sampled, clipped, noised integers. The only way out of it
// is a NoisedVector.
#pragma once

#include "dp/clip/clipped_sum.h"
#include "model/contract/round_schedule.h"
#include "model/layout.h"

namespace veilsum::client {

class Contribution {
 public:
  virtual ~Contribution() = default;
  // One attempt: fresh coins, fresh noise (DP-05, DP-12, DP-13), work of a fixed shape (DP-06).
  // `model` is what the round trains on. Errors end this client's part of the round; they name no
  // number that depends on the data.
  virtual absl::StatusOr<dp::NoisedVector> Compute(const model::RoundPurpose& purpose,
                                                   const model::ModelVector& model) = 0;
};

}  // namespace veilsum::client
