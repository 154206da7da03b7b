// A row's sequence of ids, oldest first, made into `channels` inputs of layer 0: embedded, then
// through a one-dimensional convolution (ReLU, mean over positions) or a gated recurrent unit (its
// last state). Everything is fp64 in a fixed order, so a row's numbers are the same bits wherever
// it stands (DP-07). Pure; used alike in training and in prediction.
//
// Convolution over windows of `kernel` positions t (Kim 2014, EMNLP, section 2, with the mean for
// the maximum: it is smooth, and no single event decides):
//   out_c = 1/P sum_t live_t max(0, b_c + sum_{k,e} W[k][e][c] x_{t+k}[e]),  P = slots - kernel +
//   1;
// a window without an event is not live. Gated recurrent unit (Cho et al. 2014, arXiv 1406.1078,
// equations 5 to 8, with the reset after the product with h), h_0 = 0, empty slots passed over:
//   z, r = sigmoid(W_x x + W_h h + b),  n = tanh(W_x x + b + r (W_h h)),  h' = (1 - z) n + z h.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "model/layout.h"

namespace veilsum::model {

// The numbers of one sequence layer, as Sequence says where they are.
struct SequenceWeights {
  std::span<const float> table, weight, bias;
};
SequenceWeights WeightsOf(const Sequence& sequence, const ModelVector& model);

// One row's encoding. Not for several threads at once.
class SequenceEncoding {
 public:
  explicit SequenceEncoding(const SequenceShape& shape);

  // ids and weights: shape.slots each; a slot whose weight is 0 is empty. channels() numbers, valid
  // until the next call.
  std::span<const double> Encode(const SequenceWeights& numbers, std::span<const std::uint32_t> ids,
                                 std::span<const float> weights);
  // Of what Encode last made. `delta`: the loss's derivative by each channel. Writes the gradient
  // by each slot's embedding, slots x embedding, 0 in empty slots, and by weight and then bias.
  void Gradient(const SequenceWeights& numbers, std::span<const float> delta,
                std::span<double> embedded, std::span<double> dense);

 private:
  void Convolve(const SequenceWeights& numbers);
  void ConvolveBack(const SequenceWeights& numbers, std::span<const float> delta,
                    std::span<double> embedded, std::span<double> dense) const;
  void Recur(const SequenceWeights& numbers);
  void RecurBack(const SequenceWeights& numbers, std::span<const float> delta,
                 std::span<double> embedded, std::span<double> dense) const;
  void StepBack(std::size_t t, const SequenceWeights& numbers, std::vector<double>& down,
                std::span<double> embedded, std::span<double> dense) const;
  double* x(std::size_t slot) { return x_.data() + slot * shape_.embedding; }
  const double* x(std::size_t slot) const { return x_.data() + slot * shape_.embedding; }

  const SequenceShape shape_;
  std::vector<double> x_;      // slots x embedding, 0 where empty
  std::vector<double> live_;   // slots: 1 where there is an event, else 0
  std::vector<double> inner_;  // convolution: windows x channels, before the ReLU
  // Recurrent: h before each slot and after the last; z, r, n and W_h h of n, of each slot.
  std::vector<double> state_, gates_;
  std::vector<double> out_;
};

}  // namespace veilsum::model
