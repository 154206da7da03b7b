// A sequence encoder, as model/sequence.h has it row by row: fp64, and each row's gradient whole,
// which is as large as the encoder's few parameters.
#pragma once

#include <ATen/ATen.h>

#include "client/train/torch/device_arrays.h"
#include "client/train/torch/ghost_norms.h"

namespace veilsum::client::torch_engine {

class SequenceLayer {
 public:
  // Takes table, weight and bias out of `numbers`. The list has ids below buckets, and at least
  // `kernel` slots.
  SequenceLayer(const Sequence& sequence, const IdList& list, std::size_t rows, Reader& numbers,
                const at::Device& device);

  at::Tensor Forward();                    // rows x channels, rounded to fp32
  void Backward(const at::Tensor& delta);  // by the channels; makes the rows' gradients

  Grams LayerGrams(std::int64_t customer_rows) const;
  // Multiplies each row's gradient; rows of factor 0 have none, whatever they held (DP-09).
  void Scale(const at::Tensor& factor);
  double* CopySum(double* out) const;  // of all rows' gradients

 private:
  struct Gates {  // of one slot, rows x channels each
    at::Tensor state, z, r, n, inner;
  };
  at::Tensor Convolve();
  void ConvolveBack(const at::Tensor& delta);
  at::Tensor Recur();
  void RecurBack(at::Tensor down);
  at::Tensor Gate(const at::Tensor& joined, std::int64_t which) const;
  // To the first slot of each id of a row, so that nothing cancels between norm and sum (DP-08).
  void AddUpIds();

  const Sequence sequence_;
  at::Tensor table_, weight_, bias_;
  at::Tensor ids_, empty_;  // rows x slots; empty: true where there is no event
  at::Tensor x_;            // rows x slots x embedding
  at::Tensor windows_, z_;  // convolution: rows x windows x inputs, and x channels before the ReLU
  std::vector<Gates> gates_;
  at::Tensor by_embedded_, by_weight_, by_bias_;  // the gradients, rows x ...
};

}  // namespace veilsum::client::torch_engine
