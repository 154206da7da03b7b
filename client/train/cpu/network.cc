#include "client/train/cpu/network.h"

#include <algorithm>

namespace veilsum::client::cpu {

Network::Network(const model::Layout& layout, std::size_t rows, std::size_t categorical,
                 const Kernels& kernels)
    : kernels_(kernels),
      rows_(rows),
      categorical_(categorical),
      active_(rows * categorical),
      ones_(rows, 1.0) {
  std::size_t widest = 0, widest_input = 0;
  for (const model::Layer& l : layout.layers()) {
    Layer layer{l.in, l.out, l.weight, l.bias, layers_.empty() ? layout.dense_inputs() : l.in,
                0,    0,     0,        {},     {},
                {},   {},    {},       {},     {}};
    layer.input_width = RoundUp(layer.dense, kColumnTile);
    layer.width = RoundUp(l.out, kColumnTile);
    layer.wide_ld = RoundUp(layer.dense + 1, kColumnTile);
    layer.weight.assign((l.in + 1) * layer.width, 0);
    if (!layers_.empty()) layer.back.assign(l.out * layer.input_width, 0);
    layer.input.assign(rows * layer.input_width, 0);
    layer.delta.assign(rows * layer.width, 0);
    // Accumulate works in blocks of kDepthTile rows; what it adds to rows after the bias is exactly
    // zero.
    layer.sum.assign(std::max(l.in + 1, RoundUp(layer.dense + 1, kDepthTile)) * layer.width, 0);
    layer.input_squares.resize(rows);
    layer.delta_squares.resize(rows);
    widest = std::max({widest, layer.width, layer.input_width});
    widest_input = std::max(widest_input, layer.wide_ld);
    layers_.push_back(std::move(layer));
  }
  logits_.assign(rows * layers_.back().width, 0);
  zeros_.assign(widest, 0);
  wide_input_.assign(rows * widest_input, 0);
  wide_delta_.assign(rows * widest, 0);
}

void Network::Load(const model::ModelVector& model) {
  for (Layer& layer : layers_) {
    const float* weight = model.data() + layer.weight_at;
    for (std::size_t i = 0; i < layer.in; ++i) {
      std::copy_n(weight + i * layer.out, layer.out,
                  layer.weight.data() + PackedRow(layer, i) * layer.width);
      if (layer.back.empty()) continue;
      for (std::size_t n = 0; n < layer.out; ++n)
        layer.back[n * layer.input_width + i] = weight[i * layer.out + n];
    }
    std::copy_n(model.data() + layer.bias_at, layer.out,
                layer.weight.data() + layer.dense * layer.width);
    std::fill(layer.sum.begin(), layer.sum.end(), 0.0);
  }
}

void Network::Forward() {
  for (std::size_t l = 0; l < layers_.size(); ++l) {
    Layer& layer = layers_[l];
    const bool last = l + 1 == layers_.size();
    float* out = last ? logits_.data() : layers_[l + 1].input.data();
    kernels_.multiply(rows_, layer.dense, layer.width, layer.input.data(), layer.input_width,
                      layer.weight.data(), layer.weight.data() + layer.dense * layer.width, out);
    if (l == 0)
      kernels_.add_rows(rows_, layer.width, active_.data(), categorical_, layer.weight.data(), out);
    if (!last) kernels_.relu(rows_ * layer.width, out);
  }
}

void Network::Backward() {
  for (std::size_t l = layers_.size() - 1; l > 0; --l) {
    const Layer& layer = layers_[l];
    Layer& below = layers_[l - 1];
    kernels_.multiply(rows_, layer.out, layer.input_width, layer.delta.data(), layer.width,
                      layer.back.data(), zeros_.data(), below.delta.data());
    kernels_.relu_backward(rows_ * below.width, layer.input.data(), below.delta.data());
  }
}

void Network::SquareRows() {
  for (Layer& layer : layers_) {
    kernels_.squares(rows_, layer.input_width, layer.input.data(), layer.input_squares.data());
    kernels_.squares(rows_, layer.width, layer.delta.data(), layer.delta_squares.data());
  }
}

double Network::InputDot(std::size_t l, std::size_t r, std::size_t s) const {
  const double dot =
      1 + (r == s ? layers_[l].input_squares[r]
                  : kernels_.dot(layers_[l].input_width, InputRow(l, r), InputRow(l, s)));
  if (l != 0) return dot;
  const std::uint32_t* left = active_.data() + r * categorical_;
  const std::uint32_t* right = active_.data() + s * categorical_;
  std::size_t equal = 0;  // inner product of the two rows' counts of active inputs
  for (std::size_t i = 0; i < categorical_; ++i)
    for (std::size_t j = 0; j < categorical_; ++j) equal += left[i] == right[j];
  return dot + static_cast<double>(equal);
}

double Network::DeltaDot(std::size_t l, std::size_t r, std::size_t s) const {
  return r == s ? layers_[l].delta_squares[r]
                : kernels_.dot(layers_[l].width, DeltaRow(l, r), DeltaRow(l, s));
}

void Network::Accumulate(const double* factor, const std::uint64_t* mask) {
  for (std::size_t l = 0; l < layers_.size(); ++l) {
    Layer& layer = layers_[l];
    kernels_.widen(rows_, layer.width, layer.delta.data(), factor, mask, wide_delta_.data(),
                   layer.width);
    std::fill(wide_input_.begin(),
              wide_input_.begin() + static_cast<std::ptrdiff_t>(rows_ * layer.wide_ld), 0.0);
    kernels_.widen(rows_, layer.input_width, layer.input.data(), ones_.data(), mask,
                   wide_input_.data(), layer.wide_ld);
    for (std::size_t r = 0; r < rows_; ++r) wide_input_[r * layer.wide_ld + layer.dense] = 1;
    kernels_.accumulate(rows_, RoundUp(layer.dense + 1, kDepthTile), layer.width,
                        wide_input_.data(), layer.wide_ld, wide_delta_.data(), layer.sum.data());
    if (l == 0)
      kernels_.scatter(rows_, layer.width, active_.data(), categorical_, wide_delta_.data(),
                       layer.sum.data());
  }
}

void Network::CopySum(const model::Layout& layout, std::vector<double>& out) const {
  out.resize(layout.parameters());
  for (const Layer& layer : layers_) {
    double* weight = out.data() + (layer.weight_at - layout.buffers());
    for (std::size_t i = 0; i < layer.in; ++i)
      std::copy_n(layer.sum.data() + PackedRow(layer, i) * layer.width, layer.out,
                  weight + i * layer.out);
    std::copy_n(layer.sum.data() + layer.dense * layer.width, layer.out,
                out.data() + (layer.bias_at - layout.buffers()));
  }
}

}  // namespace veilsum::client::cpu
