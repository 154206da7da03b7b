// An embedding bag, or a linear path around the hidden layers, in one micro-batch: z = sum_k w_k
// table[id_k] for each row. As a layer without bias whose input is the sparse vector x = sum_k w_k
// e(id_k), its gradient is x delta^T, so ghost norms need x_r . x_s and delta_r . delta_s only
// (Bu et al. 2023, arXiv 2210.00038, section 3). Every row does the work of all its slots (DP-06),
// one after the other, in fp64 (DP-07); only z is rounded to fp32.
#pragma once

#include <cstdint>

#include "model/examples.h"
#include "model/layout.h"

namespace veilsum::client::cpu {

class BagLayer {
 public:
  // `list` outlives the layer and fits the bag (model::CheckLists). `rows` of a micro-batch.
  BagLayer(const model::Bag& bag, const model::IdList& list, std::size_t rows);

  const model::Bag& shape() const { return bag_; }
  std::size_t in() const { return bag_.buckets; }
  std::size_t out() const { return bag_.width; }

  void Load(const model::ModelVector& model);  // takes the table and clears the sum
  // The row of the examples that a slot holds; none: a filler.
  void Fill(std::size_t slot, const std::size_t* row);

  // z of a slot: width numbers are added to `to`.
  void Forward(std::size_t slot, float* to) const;
  // delta[j] = sum_n weight[j][n] above[n], for a bag whose z are inputs of a layer: `weight` are
  // their rows, `columns` apart, of which `outputs` are used; `above` is that layer's delta. fp64,
  // rounded once.
  void Backward(std::size_t slot, const float* weight, std::size_t columns, std::size_t outputs,
                const float* above);
  float* Delta(std::size_t slot) { return delta_.data() + slot * bag_.width; }

  // x_r . x_s and delta_r . delta_s, fp64 sums of exact products.
  double InputDot(std::size_t r, std::size_t s);
  double DeltaDot(std::size_t r, std::size_t s) const;
  // Adds factor[r] * (gradient of row r) for the first `rows`; where the factor is 0 the row's
  // numbers are not used (DP-09). factor null: ones.
  void Accumulate(std::size_t rows, const float* factor);
  // The sum since Load to its place among the layout's parameters.
  void CopySum(std::size_t buffers, std::vector<double>& out) const;

 private:
  std::span<const std::uint32_t> IdsOf(std::size_t slot) const {
    return {ids_.data() + slot * slots_, slots_};
  }
  std::span<const float> WeightsOf(std::size_t slot) const {
    return {weights_.data() + slot * slots_, slots_};
  }

  const model::Bag bag_;
  const model::IdList& list_;
  std::size_t slots_;
  std::vector<float> table_, delta_, weights_;
  std::vector<std::uint32_t> ids_;
  std::vector<double> sum_, dense_;  // dense_: one row's x, all zero between calls
};

}  // namespace veilsum::client::cpu
