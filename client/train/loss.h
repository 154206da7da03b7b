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
// leaves the customer out (DP-09). `counts`, of a softmax, are how often each output is in it, the
// label's always once (cpu/sampled_items.h); null: once each. Not for Loss::kTemporal.
void HeadDelta(const model::Head& head, const float* logits, float label, float* delta,
               const float* counts = nullptr);
// The loss of one row, for reports and tests; 0 where the label is missing.
double HeadLoss(const model::Head& head, const float* logits, float label,
                const float* counts = nullptr);

// The same of Loss::kTemporal: the action's value against `target`, all other deltas 0. A target
// that is not finite leaves the customer out.
void ActionDelta(const model::Head& head, const float* values, float action, double target,
                 float* delta);
// The largest of a row's `count` action values; NaN when one of them is not finite.
double BestValue(const float* values, std::size_t count);

}  // namespace veilsum::client
