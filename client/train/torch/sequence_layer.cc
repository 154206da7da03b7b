#include "client/train/torch/sequence_layer.h"

namespace veilsum::client::torch_engine {

SequenceLayer::SequenceLayer(const Sequence& sequence, const IdList& list, std::size_t rows,
                             Reader& numbers, const at::Device& device)
    : sequence_(sequence),
      table_(numbers.Next(sequence.buckets, sequence.embedding).to(at::kDouble)),
      weight_(numbers.Next(sequence.rows(), sequence.columns()).to(at::kDouble)),
      bias_(numbers.Next(1, sequence.columns()).to(at::kDouble)),
      ids_(IdsOnDevice(list, rows, device)),
      empty_((WeightsOnDevice(list, rows, device) > 0).logical_not()),
      x_(table_.index_select(0, ids_.reshape({-1}))
             .view({ids_.size(0), ids_.size(1), -1})
             .masked_fill(empty_.unsqueeze(2), 0)) {}

at::Tensor SequenceLayer::Forward() {
  return (sequence_.kernel > 0 ? Convolve() : Recur()).to(at::kFloat);
}

void SequenceLayer::Backward(const at::Tensor& delta) {
  sequence_.kernel > 0 ? ConvolveBack(delta.to(at::kDouble)) : RecurBack(delta.to(at::kDouble));
  by_embedded_ = by_embedded_.masked_fill(empty_.unsqueeze(2), 0);
  AddUpIds();
}

void SequenceLayer::AddUpIds() {
  const std::int64_t slots = ids_.size(1);
  const at::Tensor places = at::arange(slots, ids_.options());
  const at::Tensor same = ids_.unsqueeze(2) == ids_.unsqueeze(1);
  const at::Tensor first = at::where(same, places, at::full_like(places, slots)).amin(2, true);
  const at::Tensor goes = (first == places).to(at::kDouble);  // rows x from x to
  by_embedded_ = at::bmm(goes.transpose(1, 2), by_embedded_);
}

at::Tensor SequenceLayer::Convolve() {
  const auto kernel = static_cast<std::int64_t>(sequence_.kernel);
  windows_ = x_.unfold(1, kernel, 1).transpose(2, 3).flatten(2);
  const at::Tensor no_event = empty_.unfold(1, kernel, 1).all(2, true);
  z_ = (at::matmul(windows_, weight_) + bias_).masked_fill(no_event, 0);
  return z_.clamp_min(0).mean(1);
}

void SequenceLayer::ConvolveBack(const at::Tensor& delta) {
  const auto kernel = static_cast<std::int64_t>(sequence_.kernel);
  const std::int64_t count = windows_.size(1);
  const at::Tensor down =
      (delta.unsqueeze(1) / static_cast<double>(count)).expand_as(z_).masked_fill(z_ <= 0, 0);
  by_weight_ = at::bmm(windows_.transpose(1, 2), down);
  by_bias_ = down.sum(1);
  const at::Tensor by_window = at::matmul(down, weight_.t()).view({x_.size(0), count, kernel, -1});
  by_embedded_ = at::zeros_like(x_);
  for (std::int64_t k = 0; k < kernel; ++k)
    by_embedded_.narrow(1, k, count).add_(by_window.select(2, k));
}

// Of three joined gates, z, r and n in turn.
at::Tensor SequenceLayer::Gate(const at::Tensor& joined, std::int64_t which) const {
  const auto units = static_cast<std::int64_t>(sequence_.channels);
  return joined.narrow(1, which * units, units);
}

at::Tensor SequenceLayer::Recur() {
  const auto embedding = static_cast<std::int64_t>(sequence_.embedding);
  const auto units = static_cast<std::int64_t>(sequence_.channels);
  const at::Tensor inputs = at::matmul(x_, weight_.narrow(0, 0, embedding)) + bias_;
  const at::Tensor by_state = weight_.narrow(0, embedding, units);
  at::Tensor h = at::zeros({x_.size(0), units}, x_.options());
  for (std::int64_t t = 0; t < x_.size(1); ++t) {
    const at::Tensor input = inputs.select(1, t), inner = at::mm(h, by_state);
    Gates gates{h,
                (Gate(input, 0) + Gate(inner, 0)).sigmoid(),
                (Gate(input, 1) + Gate(inner, 1)).sigmoid(),
                {},
                Gate(inner, 2)};
    gates.n = (Gate(input, 2) + gates.r * gates.inner).tanh();
    const at::Tensor made = (1 - gates.z) * gates.n + gates.z * h;
    h = at::where(empty_.narrow(1, t, 1), h, made);
    gates_.push_back(std::move(gates));
  }
  return h;
}

void SequenceLayer::RecurBack(at::Tensor down) {
  const auto embedding = static_cast<std::int64_t>(sequence_.embedding);
  const at::Tensor by_input = weight_.narrow(0, 0, embedding).t();
  const at::Tensor by_state = weight_.narrow(0, embedding, weight_.size(0) - embedding).t();
  std::vector<at::Tensor> states, inputs(gates_.size()), inners(gates_.size());
  for (std::size_t t = gates_.size(); t-- > 0;) {
    const auto& [h, z, r, n, inner] = gates_[t];
    const at::Tensor empty = empty_.narrow(1, static_cast<std::int64_t>(t), 1);
    const at::Tensor by_z = down * (h - n) * z * (1 - z);
    const at::Tensor by_n = down * (1 - z) * (1 - n.square());
    const at::Tensor by_r = by_n * inner * r * (1 - r);
    inputs[t] = at::cat({by_z, by_r, by_n}, 1).masked_fill(empty, 0);
    inners[t] = at::cat({by_z, by_r, by_n * r}, 1).masked_fill(empty, 0);
    down = at::where(empty, down, down * z + at::mm(inners[t], by_state));
  }
  for (const Gates& gates : gates_) states.push_back(gates.state);
  const at::Tensor all = at::stack(inputs, 1);
  by_embedded_ = at::matmul(all, by_input);
  by_weight_ = at::cat({at::bmm(x_.transpose(1, 2), all),
                        at::bmm(at::stack(states, 1).transpose(1, 2), at::stack(inners, 1))},
                       1);
  by_bias_ = all.sum(1);
}

// Whole gradients: inner products of their own, and every delta is 1.
Grams SequenceLayer::LayerGrams(std::int64_t customer_rows) const {
  const at::Tensor dense = at::cat({by_weight_.flatten(1), by_bias_}, 1);
  const at::Tensor products =
      Gram(dense, customer_rows) + SparseGram(ids_, by_embedded_, customer_rows);
  const auto parameters = static_cast<std::size_t>(table_.numel() + dense.size(1));
  return {products, at::ones_like(products), parameters + 1, 0x1p-53};
}

void SequenceLayer::Scale(const at::Tensor& factor) {
  const at::Tensor wide = factor.to(at::kDouble), dead = factor == 0;
  const auto scaled = [&](const at::Tensor& rows) {
    return rows.masked_fill(dead.view({-1, 1, 1}), 0) * wide.view({-1, 1, 1});
  };
  by_embedded_ = scaled(by_embedded_);
  by_weight_ = scaled(by_weight_);
  by_bias_ = scaled(by_bias_.unsqueeze(1)).squeeze(1);
}

double* SequenceLayer::CopySum(double* out) const {
  const at::Tensor table = at::zeros_like(table_).index_add_(
      0, ids_.reshape({-1}), by_embedded_.reshape({-1, table_.size(1)}));
  for (const at::Tensor& part : {table, by_weight_.sum(0), by_bias_.sum(0)})
    out = CopyTo(part, out);
  return out;
}

}  // namespace veilsum::client::torch_engine
