// All layers of a model in one micro-batch: the network, and the bags and sequences whose outputs
// are inputs of it or, on a direct path, are added to its logits.
#pragma once

#include <optional>

#include "client/train/cpu/bag.h"
#include "client/train/cpu/network.h"
#include "client/train/cpu/sequence_layer.h"

namespace veilsum::client::cpu {

class Layers {
 public:
  // Both references outlive this. Room for `rows` of a micro-batch, and for dropout if wanted.
  Layers(const model::Layout& layout, const model::Examples& examples, std::size_t rows,
         bool dropout, const Kernels& kernels);

  void Load(const model::ModelVector& model);  // layout.size() numbers
  // The inputs of row `at`. Without a row of the examples: a filler, computed like any other.
  void Fill(std::size_t at, std::optional<std::size_t> row);
  // The hidden units' factors of a row, where there is dropout.
  void SetDropout(std::size_t at, std::span<const float> factors) {
    network_.SetFactors(at, factors);
  }

  // As Network's, with bags and sequences.
  void Forward(std::size_t rows, bool squares, bool dropout);
  void Backward(std::size_t rows, bool squares, bool dropout);
  std::span<const float> Logits(std::size_t row) {
    return {network_.Logits(row), network_.outputs()};
  }
  std::span<float> Delta(std::size_t row) { return {network_.Delta(row), network_.outputs()}; }

  // norm[r] = an upper bound of the squared norm of row r's gradient, after passes with squares.
  void RowNorms(std::size_t rows, std::span<double> norm);
  // add(input_dot, delta_dot, in, out) for each layer: inner products of two rows' inputs and of
  // their deltas, whose product is that of their gradients; fp64.
  template <class Add>
  void ForEachLayer(Add&& add);
  void ClearRow(std::size_t row) { network_.ClearRow(row); }
  // A row's stored operands are appended: inputs and deltas, layer by layer.
  void AppendOperands(std::size_t row, std::vector<float>& to);

  // As Network's.
  void StartSum(float grid, int finer = 0) { network_.StartSum(grid, finer); }
  void Accumulate(std::size_t rows, const float* factor);
  void Flush() { network_.Flush(); }
  // The sum in the order of the layout's parameters; of StartSum with 0.
  void CopySum(std::vector<double>& out) const;
  // Of StartSum with `scale`. Bags and sequences are fp64 sums over the step, rounded once, which
  // fp_err covers (DP-02).
  void CopySum(double scale, std::vector<std::int64_t>& out);

  const Kernels& kernels() const { return network_.kernels(); }

 private:
  void FillNumeric(std::size_t at, std::optional<std::size_t> row);

  const model::Layout& layout_;
  const model::Examples& examples_;
  Network network_;
  std::vector<BagLayer> bags_;
  std::vector<SequenceLayer> sequences_;
  std::vector<float> mean_, scale_;      // empty when the layout is not standardised
  std::vector<double> example_squares_;  // |one-hot inputs and bias|^2 of the examples' rows
  std::vector<double> active_squares_;   // the same of the micro-batch's
  std::vector<double> sum_;
};

template <class Add>
void Layers::ForEachLayer(Add&& add) {
  for (std::size_t l = 0; l < network_.layers(); ++l)
    add([&](std::size_t r, std::size_t s) { return network_.InputDot(l, r, s); },
        [&](std::size_t r, std::size_t s) { return network_.DeltaDot(l, r, s); }, network_.in(l),
        network_.out(l));
  for (BagLayer& bag : bags_)
    add([&](std::size_t r, std::size_t s) { return bag.InputDot(r, s); },
        [&](std::size_t r, std::size_t s) { return bag.DeltaDot(r, s); }, bag.in(), bag.out());
  for (SequenceLayer& sequence : sequences_)  // whole gradients: inner products of their own
    add([&](std::size_t r, std::size_t s) { return sequence.Dot(r, s); },
        [](std::size_t, std::size_t) { return 1.0; }, sequence.parameters(), std::size_t{1});
}

}  // namespace veilsum::client::cpu
