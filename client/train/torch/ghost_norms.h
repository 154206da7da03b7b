// The clip factors of customers with several rows, from Gram matrices of the operands, as
// cpu/clip.h has them one by one.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

namespace veilsum::client::torch_engine {

// rows x 1: each row has its customer's factor, exactly 0 where anything was not finite (DP-09).
// inputs and deltas of each layer are rows x width, `customer_rows` rows a customer.
at::Tensor ClipFactors(const std::vector<at::Tensor>& inputs, const std::vector<at::Tensor>& deltas,
                       std::int64_t customer_rows, double clip_norm);

}  // namespace veilsum::client::torch_engine
