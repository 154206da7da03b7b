// Sparse inputs with a table of their own, as cpu/bag.h has them: for each row z = sum_k w_k
// table[id_k]. An embedding bag, a linear path around the hidden layers, or the one-hot part of
// layer 0.
#pragma once

#include <ATen/ATen.h>

#include "client/train/torch/batch.h"
#include "client/train/torch/ghost_norms.h"

namespace veilsum::client::torch_engine {

class SparseLayer {
 public:
  // table: buckets x width. The list has ids below buckets.
  SparseLayer(const IdList& list, std::size_t rows, at::Tensor table);

  at::Tensor Forward() const;                                     // rows x width
  void SetDelta(at::Tensor delta) { delta_ = std::move(delta); }  // by z; rows x width

  at::Tensor InputGram(std::int64_t customer_rows) const;
  Grams LayerGrams(std::int64_t customer_rows) const;
  // Multiplies each row's gradient; rows of factor 0 have none, whatever they held (DP-09).
  void Scale(const at::Tensor& factor);
  // Of all rows' gradients, buckets x width, in this precision.
  at::Tensor Sum(at::ScalarType precision) const;

 private:
  at::Tensor ids_, weights_;  // rows x slots
  at::Tensor table_, delta_;
};

}  // namespace veilsum::client::torch_engine
