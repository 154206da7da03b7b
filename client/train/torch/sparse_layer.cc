#include "client/train/torch/sparse_layer.h"

#include "client/train/torch/device_arrays.h"

namespace veilsum::client::torch_engine {

SparseLayer::SparseLayer(const IdList& list, std::size_t rows, at::Tensor table)
    : ids_(IdsOnDevice(list, rows, table.device())),
      weights_(WeightsOnDevice(list, rows, table.device())),
      table_(std::move(table)) {}

at::Tensor SparseLayer::Forward() const {
  const at::Tensor first = at::arange(ids_.size(0), ids_.options()) * ids_.size(1);
  constexpr std::int64_t kSum = 0;
  return std::get<0>(at::embedding_bag(table_, ids_.reshape({-1}), first, false, kSum, false,
                                       weights_.reshape({-1})));
}

at::Tensor SparseLayer::InputGram(std::int64_t customer_rows) const {
  return SparseGram(ids_, weights_.unsqueeze(2), customer_rows);
}

Grams SparseLayer::LayerGrams(std::int64_t customer_rows) const {
  return {InputGram(customer_rows), Gram(delta_, customer_rows),
          static_cast<std::size_t>(ids_.size(1) + table_.size(1)), UnitOf(customer_rows)};
}

void SparseLayer::Scale(const at::Tensor& factor) {
  const at::Tensor dead = factor == 0;
  weights_ = weights_.masked_fill(dead, 0);  // 0 times NaN is NaN
  delta_ = delta_.masked_fill(dead, 0) * factor;
}

at::Tensor SparseLayer::Sum(at::ScalarType precision) const {
  const at::Tensor rows = weights_.to(precision).unsqueeze(2) * delta_.to(precision).unsqueeze(1);
  return at::zeros(table_.sizes(), table_.options().dtype(precision))
      .index_add_(0, ids_.reshape({-1}), rows.reshape({-1, table_.size(1)}));
}

}  // namespace veilsum::client::torch_engine
