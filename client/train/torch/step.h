// One pass forward and one back through the layers, with the operands of every layer's gradient.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

namespace veilsum::client::torch_engine {

struct Step {
  double epsilon = 0;  // of layer norm; 0: none
  at::Tensor factors;  // of all hidden units, rows x units, or undefined
  at::Tensor logits;
  std::vector<at::Tensor> weights, inputs, deltas;  // of each layer

  void Forward(const std::vector<std::size_t>& widths, const float* model, at::Tensor x,
               const at::Device& device);
  void Backward(const at::Tensor& top);  // the last layer's deltas
  // Multiplies each row's deltas; rows of factor 0 become zeros, whatever they were (DP-09).
  void Scale(const at::Tensor& factor);
  void CopySum(float* out) const;  // of all rows, in the model's order

 private:
  // What the next layer has as its inputs; `unit` is the first of the layer's.
  at::Tensor Activate(const at::Tensor& z, std::int64_t unit);
  void Normalise(const at::Tensor& z);
  at::Tensor BeforeNorm(const at::Tensor& delta, std::size_t hidden) const;

  std::vector<at::Tensor> keep_, normal_, inverse_;  // of each hidden layer
};

// rows x columns of a host's array; undefined for null.
at::Tensor ToDevice(const float* data, std::size_t rows, std::size_t columns,
                    const at::Device& device);

}  // namespace veilsum::client::torch_engine
