// The layers of one model in the kernels' shapes: packed weights, the activations and deltas of one
// micro-batch, and the fp64 sum of weight gradients. Layer 0 has a few dense inputs (numeric ones,
// and what bags make) and, a row, a fixed number of active inputs of value 1: their weights are
// gathered, their gradients scattered.
#pragma once

#include <cstdint>

#include "client/train/cpu/aligned.h"
#include "client/train/cpu/kernels.h"
#include "model/layout.h"

namespace veilsum::client::cpu {

class Network {
 public:
  // `rows` of a micro-batch: a multiple of kRowTile. `categorical` active inputs a row.
  Network(const model::Layout& layout, std::size_t rows, std::size_t categorical,
          const Kernels& kernels);

  void Load(const model::ModelVector& model);  // packs the weights and clears the sum
  const Kernels& kernels() const { return kernels_; }
  std::size_t rows() const { return rows_; }
  std::size_t layers() const { return layers_.size(); }
  // Where a row of inputs goes: layout.dense_inputs() numbers, and the indices into Packed(input).
  float* Numeric(std::size_t row) {
    return layers_.front().input.data() + row * layers_.front().input_width;
  }
  std::uint32_t* Active(std::size_t row) { return active_.data() + row * categorical_; }
  // The bias stands between the numeric and the one-hot inputs of a packed weight.
  std::uint32_t Packed(std::uint32_t input) const { return input + 1; }

  void Forward();
  float Logit(std::size_t row) const { return logits_[row * layers_.back().width]; }
  float* Outputs(std::size_t row) { return logits_.data() + row * layers_.back().width; }
  void SetDelta(std::size_t row, float delta) {
    layers_.back().delta[row * layers_.back().width] = delta;
  }
  void Backward();

  // Call before the two below, after Backward.
  void SquareRows();
  // (a_r, 1) . (a_s, 1) and delta_r . delta_s of one layer, fp64.
  double InputDot(std::size_t layer, std::size_t r, std::size_t s) const;
  double DeltaDot(std::size_t layer, std::size_t r, std::size_t s) const;
  std::size_t in(std::size_t layer) const { return layers_[layer].in; }
  std::size_t out(std::size_t layer) const { return layers_[layer].out; }

  // Adds factor[r] * (gradient of row r) for the rows whose mask is all ones; the others' numbers
  // are not used (DP-09).
  void Accumulate(const double* factor, const std::uint64_t* mask);
  // The sum since Load, in the order of the layout's parameters.
  void CopySum(const model::Layout& layout, std::vector<double>& out) const;

  // One row's stored operands, for tests of row invariance.
  const float* InputRow(std::size_t layer, std::size_t r) const {
    return layers_[layer].input.data() + r * layers_[layer].input_width;
  }
  const float* DeltaRow(std::size_t layer, std::size_t r) const {
    return layers_[layer].delta.data() + r * layers_[layer].width;
  }
  // One dense input's weights; width() numbers from one input to the next.
  const float* WeightOf(std::size_t layer, std::size_t input) const {
    return layers_[layer].weight.data() + input * layers_[layer].width;
  }
  std::size_t width(std::size_t layer) const { return layers_[layer].width; }
  std::size_t dense(std::size_t layer) const { return layers_[layer].dense; }

 private:
  struct Layer {
    std::size_t in, out;
    std::size_t weight_at, bias_at;  // in the model
    std::size_t dense;  // inputs that are numbers: numeric and bags for layer 0, else in
    std::size_t input_width, width;  // dense and out, rounded up to kColumnTile
    std::size_t wide_ld;             // of the fp64 inputs: (a, 1), rounded up
    Aligned<float> weight;           // in + 1 rows of width: dense inputs, bias, one-hot inputs
    Aligned<float> back;             // out rows of input_width: the transpose, from layer 1 on
    Aligned<float> input, delta;     // rows x input_width, rows x width
    Aligned<double> sum;             // as weight
    std::vector<double> input_squares, delta_squares;  // |a_r|^2 of the dense inputs, |delta_r|^2
  };
  std::size_t PackedRow(const Layer& layer, std::size_t input) const {
    return input < layer.dense ? input : input + 1;
  }

  const Kernels& kernels_;
  std::size_t rows_, categorical_;
  std::vector<Layer> layers_;
  std::vector<std::uint32_t> active_;
  Aligned<float> logits_, zeros_;
  Aligned<double> wide_input_, wide_delta_, ones_;
};

}  // namespace veilsum::client::cpu
