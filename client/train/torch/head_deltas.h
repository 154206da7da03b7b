// The derivatives of the heads' losses as tensors, in fp64 and rounded once, as client/train/loss.h
// has them row by row.
#pragma once

#include <ATen/ATen.h>

#include "client/train/torch/torch_engine.h"

namespace veilsum::client::torch_engine {

// rows x outputs. labels: rows x heads; counts: rows x outputs of the first head, or undefined. A
// missing label's deltas are 0, an impossible one's NaN.
at::Tensor HeadDeltas(const std::vector<Head>& heads, const at::Tensor& logits,
                      const at::Tensor& labels, const at::Tensor& counts);

// Empty, or what is wrong.
std::string HeadsError(const std::vector<Head>& heads, std::size_t outputs);

}  // namespace veilsum::client::torch_engine
