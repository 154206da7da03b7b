#include "client/train/cpu/network.h"

#include <algorithm>
#include <cmath>

namespace veilsum::client::cpu {

Network::Network(const model::Layout& layout, std::size_t rows, std::size_t categorical,
                 bool dropout, const Kernels& kernels)
    : kernels_(kernels),
      categorical_(categorical),
      numeric_(layout.numeric()),
      parameters_(layout.parameters()),
      buffers_(layout.buffers()),
      active_(rows * categorical),
      ones_(rows, 1.0) {
  std::size_t widest = 0;
  for (const model::Layer& l : layout.layers()) {
    Layer layer;
    layer.in = l.in;
    layer.out = l.out;
    layer.weight_at = l.weight;
    layer.bias_at = l.bias;
    layer.dense = layers_.empty() ? layout.dense_inputs() : l.in;
    layer.input_width = RoundUp(layer.dense, kColumnTile);
    layer.width = RoundUp(l.out, kColumnTile);
    layer.depth = RoundUp(layer.dense, kDepthTile);
    layer.lda = Leading(layer.input_width);
    layer.ldd = Leading(layer.width);
    layer.weight.assign(layer.dense * layer.width, 0);
    layer.bias.assign(layer.width, 0);
    layer.sparse.assign((l.in - layer.dense) * layer.width, 0);
    if (!layers_.empty()) layer.back.assign(l.out * layer.input_width, 0);
    layer.input.assign(rows * layer.lda, 0);
    layer.delta.assign(rows * layer.ldd, 0);
    const bool hidden = layers_.size() + 1 < layout.layers().size();
    if (hidden && dropout) layer.keep.assign(rows * layer.ldd, 0);
    if (hidden && layout.layer_norm()) {
      layer.normal.assign(rows * layer.ldd, 0);
      layer.inverse.assign(rows, 0);
      layer.real.assign(layer.width, 0);
      std::fill_n(layer.real.begin(), layer.out, 1.0f);
    }
    layer.input_squares.resize(rows);
    layer.delta_squares.resize(rows);
    layer.sum_at = sum_size_;
    sum_size_ = layer.sparse_sum() + layer.sparse.size();
    widest = std::max({widest, layer.width, layer.input_width});
    layers_.push_back(std::move(layer));
  }
  logits_ld_ = layers_.back().ldd;
  logits_.assign(rows * logits_ld_, 0);
  zeros_.assign(widest, 0);
  bias_.assign(widest, 0);
}

void Network::Load(const model::ModelVector& model) {
  for (Layer& layer : layers_) {
    const float* weight = model.data() + layer.weight_at;
    kernels_.pack(layer.dense, layer.out, weight, layer.out, layer.weight.data());
    if (!layer.back.empty())
      kernels_.pack_transposed(layer.out, layer.in, weight, layer.out, layer.back.data());
    for (std::size_t i = layer.dense; i < layer.in; ++i)
      std::copy_n(weight + i * layer.out, layer.out,
                  layer.sparse.data() + (i - layer.dense) * layer.width);
    std::copy_n(model.data() + layer.bias_at, layer.out, layer.bias.data());
  }
  const Layer& first = layers_.front();
  bag_weight_.assign(
      model.begin() + static_cast<std::ptrdiff_t>(first.weight_at + numeric_ * first.out),
      model.begin() + static_cast<std::ptrdiff_t>(first.weight_at + first.dense * first.out));
}

void Network::SetFactors(std::size_t row, std::span<const float> factors) {
  for (std::size_t l = 0; l + 1 < layers_.size(); ++l) {
    Layer& layer = layers_[l];
    std::copy_n(factors.begin(), layer.out,
                layer.keep.begin() + static_cast<std::ptrdiff_t>(row * layer.ldd));
    factors = factors.subspan(layer.out);
  }
}

void Network::Forward(std::size_t rows, bool squares, bool dropout) {
  Layer& first = layers_.front();
  if (squares)
    kernels_.squares(rows, first.input_width, first.input.data(), first.lda,
                     first.input_squares.data());
  for (std::size_t l = 0; l < layers_.size(); ++l) {
    Layer& layer = layers_[l];
    Layer* next = l + 1 < layers_.size() ? &layers_[l + 1] : nullptr;
    float* out = next ? next->input.data() : logits_.data();
    const std::size_t ldo = next ? next->lda : logits_ld_;
    kernels_.multiply(rows, layer.dense, layer.width, layer.input.data(), layer.lda,
                      layer.weight.data(), layer.bias.data(), out, ldo);
    if (!layer.sparse.empty())
      kernels_.add_rows(rows, layer.width, active_.data(), categorical_, layer.sparse.data(), out,
                        ldo);
    if (!next) continue;
    if (!layer.normal.empty())
      kernels_.normalise(rows, layer.width, layer.out, layer.real.data(), model::kLayerNormEpsilon,
                         out, ldo, layer.normal.data(), layer.inverse.data());
    kernels_.relu(rows, layer.width, layer.Keep(dropout), out, ldo,
                  squares ? next->input_squares.data() : nullptr);
  }
}

void Network::Backward(std::size_t rows, bool squares, bool dropout) {
  Layer& last = layers_.back();
  if (squares)
    kernels_.squares(rows, last.width, last.delta.data(), last.ldd, last.delta_squares.data());
  for (std::size_t l = layers_.size() - 1; l > 0; --l) {
    const Layer& layer = layers_[l];
    Layer& below = layers_[l - 1];
    kernels_.multiply(rows, layer.out, layer.input_width, layer.delta.data(), layer.ldd,
                      layer.back.data(), zeros_.data(), below.delta.data(), below.ldd);
    float* below_squares = squares ? below.delta_squares.data() : nullptr;
    kernels_.relu_backward(rows, below.width, layer.input.data(), layer.lda, below.Keep(dropout),
                           below.delta.data(), below.ldd, below_squares);
    if (!below.normal.empty())
      kernels_.normalise_backward(rows, below.width, below.out, below.real.data(),
                                  below.normal.data(), below.inverse.data(), below.delta.data(),
                                  below.ldd, below_squares);
  }
}

void Network::RowNorms(std::size_t rows, std::span<const double> active_squares,
                       std::span<double> norm) const {
  std::fill(norm.begin(), norm.end(), 0.0);
  for (std::size_t l = 0; l < layers_.size(); ++l) {
    const Layer& layer = layers_[l];
    kernels_.add_norms(rows, layer.input_width, layer.width,
                       l == 0 ? active_squares.data() : ones_.data(), layer.input_squares.data(),
                       layer.delta_squares.data(), norm.data());
  }
}

double Network::InputDot(std::size_t l, std::size_t r, std::size_t s) const {
  const double dot = 1 + kernels_.dot(layers_[l].input_width, InputRow(l, r), InputRow(l, s));
  if (l != 0) return dot;
  const std::uint32_t* left = active_.data() + r * categorical_;
  const std::uint32_t* right = active_.data() + s * categorical_;
  std::size_t equal = 0;  // inner product of the two rows' counts of active inputs
  for (std::size_t i = 0; i < categorical_; ++i)
    for (std::size_t j = 0; j < categorical_; ++j) equal += left[i] == right[j];
  return dot + static_cast<double>(equal);
}

double Network::DeltaDot(std::size_t l, std::size_t r, std::size_t s) const {
  return kernels_.dot(layers_[l].width, DeltaRow(l, r), DeltaRow(l, s));
}

void Network::ClearRow(std::size_t row) {
  for (Layer& layer : layers_) {
    std::fill_n(layer.input.begin() + static_cast<std::ptrdiff_t>(row * layer.lda), layer.lda, 0);
    std::fill_n(layer.delta.begin() + static_cast<std::ptrdiff_t>(row * layer.ldd), layer.ldd, 0);
  }
}

void Network::StartSum(float grid, int finer) {
  grid_ = grid;
  finer_ = finer;
  total_.clear();
  grid == 0 ? StartAgain(sum_) : StartAgain(grid_sum_);
}

// Products are not added to what is there but put in its place.
template <class T>
void Network::StartAgain(Aligned<T>& sum) {
  fresh_ = true;
  sum.resize(sum_size_);
  for (const Layer& layer : layers_)
    std::fill_n(sum.data() + layer.bias_sum(), layer.width * (1 + layer.in - layer.dense), T{0});
}

void Network::Accumulate(std::size_t rows, const float* factor) {
  for (Layer& layer : layers_) {
    const float* a = layer.input.data();
    float* e = layer.delta.data();
    for (std::size_t r = 0; r < rows; r += kChainRows) {
      kernels_.scale(std::min(kChainRows, rows - r), layer.width, factor ? factor + r : nullptr,
                     e + r * layer.ldd, layer.ldd, bias_.data());
      if (grid_ == 0)
        kernels_.add(layer.width, bias_.data(), sum_.data() + layer.bias_sum());
      else
        kernels_.add_grid(layer.width, bias_.data(), grid_, grid_sum_.data() + layer.bias_sum());
    }
    if (grid_ == 0)
      kernels_.accumulate(rows, layer.depth, layer.width, a, layer.lda, e, layer.ldd, fresh_,
                          sum_.data() + layer.sum_at);
    else
      kernels_.accumulate_grid(rows, layer.depth, layer.width, a, layer.lda, e, layer.ldd, grid_,
                               fresh_, grid_sum_.data() + layer.sum_at);
    if (layer.sparse.empty()) continue;
    if (grid_ == 0)
      kernels_.scatter(rows, layer.width, active_.data(), nullptr, categorical_, e, layer.ldd,
                       sum_.data() + layer.sparse_sum());
    else
      kernels_.scatter_grid(rows, layer.width, active_.data(), nullptr, categorical_, e, layer.ldd,
                            std::ldexp(grid_, finer_), grid_sum_.data() + layer.sparse_sum());
  }
  fresh_ = false;
}

void Network::Flush() {
  if (grid_ == 0 || fresh_) return;
  if (total_.empty()) total_.assign(sum_size_, 0);
  for (std::size_t i = 0; i < sum_size_; ++i) total_[i] += grid_sum_[i];
  StartAgain(grid_sum_);
}

std::int64_t Network::Scattered(std::int64_t sum) const {
  if (finer_ == 0) return sum;
  const std::int64_t floor = sum >> finer_, rest = sum - (floor << finer_);
  const std::int64_t half = std::int64_t{1} << (finer_ - 1);
  return floor + (rest > half || (rest == half && (floor & 1) != 0) ? 1 : 0);
}

void Network::UnpackDense(const Layer& layer, const Aligned<float>& sum, double* to) const {
  kernels_.unpack(layer.dense, layer.depth, layer.out, sum.data() + layer.sum_at, to, layer.out);
}
void Network::UnpackDense(const Layer& layer, const Aligned<std::int32_t>& sum,
                          std::int64_t* to) const {
  kernels_.unpack_grid(layer.dense, layer.depth, layer.out, sum.data() + layer.sum_at, to,
                       layer.out);
}
void Network::UnpackDense(const Layer& layer, const Aligned<std::int64_t>& sum,
                          std::int64_t* to) const {
  for (std::size_t n = 0; n < layer.width; n += kernels_.panel) {
    const std::size_t width = std::min(kernels_.panel, layer.width - n);
    const std::int64_t* panel = sum.data() + layer.sum_at + n * layer.depth;
    for (std::size_t k = 0; k < layer.dense; ++k)
      std::copy_n(panel + k * width, std::min(width, layer.out - n), to + k * layer.out + n);
  }
}

template <class From, class To>
void Network::Unpack(const From& sum, std::vector<To>& out) const {
  using Wide = std::conditional_t<std::is_same_v<To, double>, float, std::int64_t>;
  out.resize(parameters_);
  for (const Layer& layer : layers_) {
    To* weight = out.data() + (layer.weight_at - buffers_);
    UnpackDense(layer, sum, weight);
    for (std::size_t k = layer.dense; k < layer.in; ++k)
      for (std::size_t n = 0; n < layer.out; ++n)
        weight[k * layer.out + n] = Scattered(
            static_cast<Wide>(sum[layer.sparse_sum() + (k - layer.dense) * layer.width + n]));
    for (std::size_t n = 0; n < layer.out; ++n)
      out[layer.bias_at - buffers_ + n] = static_cast<To>(sum[layer.bias_sum() + n]);
  }
}

void Network::CopySum(std::vector<std::int64_t>& out) const {
  if (!total_.empty())
    Unpack(total_, out);
  else if (fresh_)
    out.assign(parameters_, 0);
  else
    Unpack(grid_sum_, out);
}
void Network::CopySum(std::vector<double>& out) const {
  fresh_ ? out.assign(parameters_, 0) : Unpack(sum_, out);
}

}  // namespace veilsum::client::cpu
