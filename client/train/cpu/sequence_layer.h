// A sequence encoder in one micro-batch. Its parameters are few, so each row's gradient is kept
// whole (fp64): by weight and bias, and by the embedding of each slot. Norms and inner products are
// taken from these themselves; a row's places with one id are added up first, so that nothing
// cancels between norm and sum (DP-08). Every row does the work of all its slots (DP-06).
#pragma once

#include "model/examples.h"
#include "model/sequence.h"

namespace veilsum::client::cpu {

class SequenceLayer {
 public:
  // `list` outlives the layer and fits the sequence (model::CheckLists). `rows` of a micro-batch.
  SequenceLayer(const model::Sequence& sequence, const model::IdList& list, std::size_t rows);

  const model::Sequence& shape() const { return sequence_; }
  void Load(const model::ModelVector& model);  // takes the numbers and clears the sum
  // The row of the examples that a slot holds; none: a filler.
  void Fill(std::size_t slot, const std::size_t* row);

  // The channels of a slot's row, rounded to fp32 once.
  void Forward(std::size_t slot, float* to);
  // The gradient of a slot's row. `weight`: rows of layer 0 for the channels, `columns` apart, of
  // which `outputs` are used; `above` is that layer's delta.
  void Backward(std::size_t slot, const float* weight, std::size_t columns, std::size_t outputs,
                const float* above);

  // The inner product of two rows' gradients.
  double Dot(std::size_t r, std::size_t s) const;
  // The numbers of a row's gradient: of the first place of each id, then by weight and bias.
  std::span<const double> GradientOf(std::size_t slot) const {
    return {gradient_.data() + slot * size_, size_};
  }
  // Adds factor[r] * (gradient of row r) for the first `rows`; where the factor is 0 the row's
  // numbers are not used (DP-09). factor null: ones.
  void Accumulate(std::size_t rows, const float* factor);
  // The sum since Load to its place among the layout's parameters.
  void CopySum(std::size_t buffers, std::vector<double>& out) const;
  std::size_t first_parameter() const { return sequence_.table; }
  std::size_t parameters() const { return sum_.size(); }

 private:
  std::span<const std::uint32_t> IdsOf(std::size_t slot) const {
    return {ids_.data() + slot * sequence_.slots, sequence_.slots};
  }
  std::span<const float> WeightsOf(std::size_t slot) const {
    return {weights_.data() + slot * sequence_.slots, sequence_.slots};
  }
  void AddUpIds(std::size_t slot, std::span<double> embedded) const;
  std::size_t embedded() const { return sequence_.slots * sequence_.embedding; }

  const model::Sequence sequence_;
  const model::IdList& list_;
  const std::size_t size_;  // of a row's gradient
  std::vector<float> table_, weight_, bias_;
  std::vector<model::SequenceEncoding> encodings_;  // of each slot
  std::vector<std::uint32_t> ids_;
  std::vector<float> weights_, delta_;
  std::vector<double> gradient_;  // rows x size_: of each slot's embedding, then weight and bias
  std::vector<double> sum_;       // table, weight, bias
};

}  // namespace veilsum::client::cpu
