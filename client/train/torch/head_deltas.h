// The derivatives of the heads' losses as tensors, in fp64 and rounded once, as client/train/loss.h
// has them row by row.
#pragma once

#include <ATen/ATen.h>

#include "client/train/torch/net.h"

namespace veilsum::client::torch_engine {

// What losses depend on besides the logits.
struct Terms {
  at::Tensor labels;   // rows x heads
  at::Tensor counts;   // rows x outputs of the first head, or undefined
  at::Tensor targets;  // kTemporal: rows x 1, fp64
};

// rows x outputs. A missing label's deltas are 0, but NaN for kTemporal; an impossible one's NaN.
at::Tensor HeadDeltas(const std::vector<Head>& heads, const at::Tensor& logits, const Terms& terms);

// rows x 1, fp64: the largest of each row's values; NaN where one of them is not finite.
at::Tensor BestValues(const at::Tensor& values);

}  // namespace veilsum::client::torch_engine
