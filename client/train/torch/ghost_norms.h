// The clip factors of customers with several rows, from Gram matrices of the operands, as
// cpu/clip.h has them one by one.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

namespace veilsum::client::torch_engine {

// customers x rows x rows, fp64: the inner products of a customer's rows. x: all rows x width. Of
// one row, where nothing can cancel, in x's own precision and at least what it is but for rounding.
at::Tensor Gram(const at::Tensor& x, std::int64_t customer_rows);

// The same of sparse rows: for two of them the sum, over pairs of their slots with one id, of the
// inner products of what the slots hold. ids: all rows x slots; held: all rows x slots x width.
at::Tensor SparseGram(const at::Tensor& ids, const at::Tensor& held, std::int64_t customer_rows);

// Of one layer: the gradient of a row is the outer product of an input and a delta.
struct Grams {
  at::Tensor inputs, deltas;
  std::size_t widths;  // how many numbers an input and a delta have, together
  double unit;         // what rounding a sum's terms can change them by, relative
};
inline double UnitOf(std::int64_t customer_rows) { return customer_rows == 1 ? 0x1p-24 : 0x1p-53; }

// rows x 1: each row has its customer's factor, exactly 0 where anything was not finite (DP-09).
at::Tensor ClipFactors(const std::vector<Grams>& layers, double clip_norm);

}  // namespace veilsum::client::torch_engine
