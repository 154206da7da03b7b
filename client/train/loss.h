// Losses of a model's heads and their derivatives, one row at a time: no loss looks at another row
// (DP-07). Shared by every engine.
#pragma once

#include <cstddef>

#include "base/status.h"
#include "model/heads.h"

namespace veilsum::client {

// InvalidArgument: no heads, a head's outputs, weight or Huber threshold unusable, or not
// `outputs` outputs together.
absl::Status CheckHeads(const model::Heads& heads, std::size_t outputs);

// delta[i] = d loss / d logits[i], computed in fp64 and rounded once. A label that is NaN is
// missing: its head's deltas are 0 (DP-08). A label outside its head's range gives NaN, which
// leaves the customer out (DP-09).
void HeadDelta(const model::Head& head, const float* logits, float label, float* delta);
// The loss of one row, for reports and tests; 0 where the label is missing.
double HeadLoss(const model::Head& head, const float* logits, float label);

}  // namespace veilsum::client
