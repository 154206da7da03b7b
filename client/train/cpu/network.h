// The layers of one model in the kernels' shapes: packed weights, the activations and deltas of one
// micro-batch, and the sum of weight gradients. Layer 0 has a few dense inputs (numeric ones, and
// what bags make) and, a row, a fixed number of active inputs of value 1: their weights are
// gathered, their gradients scattered.
#pragma once

#include <cstdint>
#include <span>

#include "client/train/cpu/aligned.h"
#include "client/train/cpu/kernels.h"
#include "model/layout.h"

namespace veilsum::client::cpu {

class Network {
 public:
  // Room for `rows` of a micro-batch. `categorical` active inputs a row. `dropout`: there is room
  // for what hidden units are multiplied by.
  Network(const model::Layout& layout, std::size_t rows, std::size_t categorical, bool dropout,
          const Kernels& kernels);

  void Load(const model::ModelVector& model);  // packs the weights
  const Kernels& kernels() const { return kernels_; }
  std::size_t layers() const { return layers_.size(); }
  std::size_t outputs() const { return layers_.back().out; }
  // Where a row of inputs goes: layout.dense_inputs() numbers, and the indices of layer 0's one-hot
  // inputs, counted from the first.
  float* Numeric(std::size_t row) {
    return layers_.front().input.data() + row * layers_.front().lda;
  }
  std::uint32_t* Active(std::size_t row) { return active_.data() + row * categorical_; }
  // The hidden units' factors of a row, layer after layer, when there is room for them.
  void SetFactors(std::size_t row, std::span<const float> factors);

  // `rows` of the micro-batch are worked on, a multiple of kRowTile. squares: keep |a_r|^2 and
  // |delta_r|^2 of every layer. dropout: with the rows' factors, in both directions.
  void Forward(std::size_t rows, bool squares, bool dropout);
  float* Logits(std::size_t row) { return logits_.data() + row * logits_ld_; }
  float* Delta(std::size_t row) { return layers_.back().delta.data() + row * layers_.back().ldd; }
  void Backward(std::size_t rows, bool squares, bool dropout);

  // norm[r] = an upper bound of the squared norm of row r's gradient; active_squares[r] is the
  // squared norm of its one-hot inputs. After Forward and Backward with squares.
  void RowNorms(std::size_t rows, std::span<const double> active_squares,
                std::span<double> norm) const;
  // (a_r, 1) . (a_s, 1) and delta_r . delta_s of one layer, fp64.
  double InputDot(std::size_t layer, std::size_t r, std::size_t s) const;
  double DeltaDot(std::size_t layer, std::size_t r, std::size_t s) const;
  std::size_t in(std::size_t layer) const { return layers_[layer].in; }
  std::size_t out(std::size_t layer) const { return layers_[layer].out; }
  // Layer 0's weights of one dense input that a bag makes: out(0) numbers, bag_stride() from one
  // input to the next.
  const float* BagWeight(std::size_t input) const {
    return bag_weight_.data() + (input - numeric_) * layers_.front().out;
  }
  std::size_t bag_stride() const { return layers_.front().out; }
  // Overwrites a row's operands with zeros (DP-09: 0 times NaN is NaN).
  void ClearRow(std::size_t row);

  // Clears the sum. grid: of products rounded to `grid` points a unit, and of scattered numbers
  // rounded to 2^finer times as many; 0: of floats.
  void StartSum(float grid, int finer = 0);
  // Scales the deltas (factor null: ones) and adds the rows' products of inputs and deltas.
  void Accumulate(std::size_t rows, const float* factor);
  // Moves what the 32-bit sums hold to 64 bits: before they could overflow.
  void Flush();
  // The sum since StartSum, in the order of the layout's parameters; Flush first, if ever.
  void CopySum(std::vector<std::int64_t>& out) const;
  void CopySum(std::vector<double>& out) const;

  // One row's stored operands, for tests of row invariance.
  const float* InputRow(std::size_t layer, std::size_t r) const {
    return layers_[layer].input.data() + r * layers_[layer].lda;
  }
  const float* DeltaRow(std::size_t layer, std::size_t r) const {
    return layers_[layer].delta.data() + r * layers_[layer].ldd;
  }
  std::size_t dense(std::size_t layer) const { return layers_[layer].dense; }

 private:
  struct Layer {
    std::size_t in = 0, out = 0;
    std::size_t weight_at = 0, bias_at = 0;  // in the model
    std::size_t dense = 0;  // inputs that are numbers: numeric and bags for layer 0
    std::size_t input_width = 0, width = 0;  // dense and out, rounded up to kColumnTile
    std::size_t depth = 0;                   // dense, rounded up to kDepthTile
    std::size_t lda = 0, ldd = 0;            // of inputs and deltas
    std::size_t sum_at = 0;       // packed depth x width, then the bias, then a row an active input
    Aligned<float> weight;        // dense x width, packed
    Aligned<float> bias;          // width
    Aligned<float> sparse;        // in - dense rows of width
    Aligned<float> back;          // out x input_width, packed: the transpose, from layer 1 on
    Aligned<float> input, delta;  // rows x lda, rows x ldd
    std::vector<float> input_squares, delta_squares;
    // Of a hidden layer's outputs: dropout's factors, rows x ldd, and with layer norm the
    // normalised ones, rows x ldd, 1 / deviation of each row, and 1 for the columns that are
    // outputs.
    Aligned<float> keep, normal, real;
    std::vector<float> inverse;
    const float* Keep(bool dropout) const { return dropout ? keep.data() : nullptr; }
    std::size_t bias_sum() const { return sum_at + depth * width; }
    std::size_t sparse_sum() const { return bias_sum() + width; }
  };
  template <class T>
  void StartAgain(Aligned<T>& sum);
  template <class From, class To>
  void Unpack(const From& sum, std::vector<To>& out) const;
  // The weights of inputs that are numbers.
  void UnpackDense(const Layer& layer, const Aligned<float>& sum, double* to) const;
  void UnpackDense(const Layer& layer, const Aligned<std::int32_t>& sum, std::int64_t* to) const;
  void UnpackDense(const Layer& layer, const Aligned<std::int64_t>& sum, std::int64_t* to) const;
  double Scattered(float sum) const { return static_cast<double>(sum); }
  std::int64_t Scattered(std::int64_t sum) const;  // rounded half to even to the grid

  const Kernels& kernels_;
  std::size_t categorical_, numeric_, parameters_, buffers_;
  std::vector<Layer> layers_;
  std::size_t logits_ld_ = 0, sum_size_ = 0;
  std::vector<std::uint32_t> active_;
  Aligned<float> logits_, zeros_, bias_, bag_weight_;
  std::vector<double> ones_;
  float grid_ = 0;
  bool fresh_ = true;  // nothing was added since the sum was started
  int finer_ = 0;
  Aligned<float> sum_;
  Aligned<std::int32_t> grid_sum_;
  Aligned<std::int64_t> total_;
};

}  // namespace veilsum::client::cpu
