// One pass forward and one back through the layers, with the operands of every layer's gradient.
#pragma once

#include <ATen/ATen.h>

#include <vector>

#include "client/train/torch/batch.h"
#include "client/train/torch/ghost_norms.h"
#include "client/train/torch/sequence_layer.h"
#include "client/train/torch/sparse_layer.h"

namespace veilsum::client::torch_engine {

class Step {
 public:
  // Loads model and batch.
  Step(const Net& net, const float* model, const Batch& batch, const at::Device& device);

  at::Tensor Forward();  // the outputs of the last layer, or of the items; rows x outputs
  void Backward(const at::Tensor& top);  // by those outputs; after Forward
  std::vector<Grams> LayerGrams() const;
  // Multiplies each row's deltas; rows of factor 0 become zeros, whatever they were (DP-09).
  void Scale(const at::Tensor& factor);
  void CopySum(double* out) const;  // of all rows, in the model's order

 private:
  struct Layer {
    at::Tensor weight, bias, input, delta;
    at::Tensor keep, normal, inverse;  // of a hidden layer's outputs, where it has them
  };
  void LoadLists(const Batch& batch, Reader& numbers);
  at::Tensor FirstInput();
  at::Tensor Dense() const;  // layer 0's weights of inputs that are numbers
  // What the next layer has as its inputs; `unit` is the first of the layer's.
  at::Tensor Activate(Layer& layer, const at::Tensor& z, std::int64_t unit);
  static at::Tensor BeforeNorm(const Layer& layer, const at::Tensor& delta);
  void BackThroughLists();

  const Net& net_;
  const at::Device& device_;
  const std::int64_t customer_rows_;
  at::Tensor x_, factors_, item_weights_;
  std::vector<Layer> layers_;
  std::vector<SparseLayer> one_hot_;  // at most one
  std::vector<SparseLayer> bags_;
  std::vector<SequenceLayer> sequences_;
};

}  // namespace veilsum::client::torch_engine
