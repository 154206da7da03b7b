#include "client/train/torch/step.h"

namespace veilsum::client::torch_engine {
namespace {

at::Tensor Numeric(const Net& net, const Batch& batch, const at::Device& device) {
  if (NumericInputs(net) > 0) return ToDevice(batch.x, batch.rows, NumericInputs(net), device);
  return at::empty({static_cast<std::int64_t>(batch.rows), 0}, at::TensorOptions().device(device));
}

}  // namespace

Step::Step(const Net& net, const float* model, const Batch& batch, const at::Device& device)
    : net_(net),
      device_(device),
      customer_rows_(static_cast<std::int64_t>(batch.customer_rows)),
      x_(Numeric(net, batch, device)),
      factors_(ToDevice(batch.factors, batch.rows, HiddenUnits(net), device)) {
  Reader numbers(model, device);
  for (std::size_t l = 0; l + 1 < net.widths.size(); ++l) {
    Layer& layer = layers_.emplace_back();
    layer.weight = numbers.Next(net.widths[l], net.widths[l + 1]);
    layer.bias = numbers.Next(1, net.widths[l + 1]);
  }
  LoadLists(batch, numbers);
  if (Items(net) > 0)
    item_weights_ =
        ToDevice(net.item_weights.data(), net.widths.back(), Items(net), device).to(at::kDouble);
}

void Step::LoadLists(const Batch& batch, Reader& numbers) {
  if (net_.one_hot > 0) {
    const auto dense = static_cast<std::int64_t>(DenseInputs(net_));
    const auto one_hot = static_cast<std::int64_t>(net_.one_hot);
    one_hot_.emplace_back(batch.active, batch.rows,
                          layers_.front().weight.narrow(0, dense, one_hot));
  }
  for (const Bag& bag : net_.bags)
    bags_.emplace_back(batch.lists[bag.list], batch.rows, numbers.Next(bag.buckets, bag.width));
  for (const Sequence& sequence : net_.sequences)
    sequences_.emplace_back(sequence, batch.lists[sequence.list], batch.rows, numbers, device_);
}

at::Tensor Step::FirstInput() {
  std::vector<at::Tensor> inputs = {x_};
  for (std::size_t b = 0; b < bags_.size(); ++b)
    if (!net_.bags[b].direct) inputs.push_back(bags_[b].Forward());
  for (SequenceLayer& sequence : sequences_) inputs.push_back(sequence.Forward());
  return at::cat(inputs, 1);
}

at::Tensor Step::Dense() const {
  return layers_.front().weight.narrow(0, 0, static_cast<std::int64_t>(DenseInputs(net_)));
}

at::Tensor Step::Forward() {
  at::Tensor x = FirstInput();
  std::int64_t unit = 0;
  for (Layer& layer : layers_) {
    const bool first = &layer == &layers_.front(), last = &layer == &layers_.back();
    layer.input = x;
    x = at::addmm(layer.bias, x, first ? Dense() : layer.weight);
    if (first)
      for (const SparseLayer& one_hot : one_hot_) x = x + one_hot.Forward();
    if (!last) x = Activate(layer, x, unit);
    unit += layer.weight.size(1);
  }
  for (std::size_t b = 0; b < bags_.size(); ++b)
    if (net_.bags[b].direct) x = x + bags_[b].Forward();
  return item_weights_.defined() ? at::mm(x.to(at::kDouble), item_weights_).to(at::kFloat) : x;
}

at::Tensor Step::Activate(Layer& layer, const at::Tensor& z, std::int64_t unit) {
  at::Tensor x = z;
  if (net_.layer_norm_epsilon > 0) {
    const at::Tensor centred = z - z.mean(1, true);
    layer.inverse = (centred.square().mean(1, true) + net_.layer_norm_epsilon).rsqrt();
    layer.normal = x = centred * layer.inverse;
  }
  x = x.clamp_min(0);
  if (!factors_.defined()) return x;
  layer.keep = factors_.narrow(1, unit, z.size(1));
  return x * layer.keep;
}

void Step::Backward(const at::Tensor& top) {
  layers_.back().delta =
      item_weights_.defined() ? at::mm(top.to(at::kDouble), item_weights_.t()).to(at::kFloat) : top;
  for (std::size_t l = layers_.size() - 1; l > 0; --l) {
    Layer& below = layers_[l - 1];
    below.delta = at::mm(layers_[l].delta, layers_[l].weight.t()).mul_(layers_[l].input > 0);
    if (below.keep.defined()) below.delta.mul_(below.keep);
    if (below.normal.defined()) below.delta = BeforeNorm(below, below.delta);
  }
  BackThroughLists();
}

at::Tensor Step::BeforeNorm(const Layer& layer, const at::Tensor& delta) {
  const at::Tensor along = layer.normal * (delta * layer.normal).mean(1, true);
  return layer.inverse * (delta - delta.mean(1, true) - along);
}

void Step::BackThroughLists() {
  const at::Tensor& delta = layers_.front().delta;
  for (SparseLayer& one_hot : one_hot_) one_hot.SetDelta(delta.clone());
  auto first = static_cast<std::int64_t>(NumericInputs(net_));
  const auto by_input = [&](std::size_t width) {
    const auto count = static_cast<std::int64_t>(width);
    const at::Tensor weight = Dense().narrow(0, first, count);
    first += count;
    return at::mm(delta, weight.t());
  };
  for (std::size_t b = 0; b < bags_.size(); ++b)
    bags_[b].SetDelta(net_.bags[b].direct ? layers_.back().delta.clone()
                                          : by_input(net_.bags[b].width));
  for (std::size_t s = 0; s < sequences_.size(); ++s)
    sequences_[s].Backward(by_input(net_.sequences[s].channels));
}

std::vector<Grams> Step::LayerGrams() const {
  std::vector<Grams> grams;
  for (const Layer& layer : layers_)  // the bias is an input of 1
    grams.push_back({Gram(layer.input, customer_rows_) + 1, Gram(layer.delta, customer_rows_),
                     static_cast<std::size_t>(layer.input.size(1) + layer.delta.size(1)),
                     UnitOf(customer_rows_)});
  for (const SparseLayer& one_hot : one_hot_)
    grams.front().inputs = grams.front().inputs + one_hot.InputGram(customer_rows_);
  for (const SparseLayer& bag : bags_) grams.push_back(bag.LayerGrams(customer_rows_));
  for (const SequenceLayer& sequence : sequences_)
    grams.push_back(sequence.LayerGrams(customer_rows_));
  return grams;
}

void Step::Scale(const at::Tensor& factor) {
  const at::Tensor dead = factor == 0;
  for (Layer& layer : layers_) {
    layer.input.masked_fill_(dead, 0);  // 0 times NaN is NaN
    layer.delta.masked_fill_(dead, 0).mul_(factor);
  }
  for (auto* lists : {&one_hot_, &bags_})
    for (SparseLayer& list : *lists) list.Scale(factor);
  for (SequenceLayer& sequence : sequences_) sequence.Scale(factor);
}

void Step::CopySum(double* out) const {
  const at::ScalarType precision = net_.exact_sums ? at::kDouble : at::kFloat;
  for (const Layer& layer : layers_) {
    const at::Tensor delta = layer.delta.to(precision);
    out = CopyTo(at::mm(layer.input.t().to(precision), delta), out);
    if (&layer == &layers_.front())
      for (const SparseLayer& one_hot : one_hot_) out = CopyTo(one_hot.Sum(precision), out);
    out = CopyTo(delta.sum(0), out);
  }
  for (const SparseLayer& bag : bags_) out = CopyTo(bag.Sum(precision), out);
  for (const SequenceLayer& sequence : sequences_) out = sequence.CopySum(out);
}

}  // namespace veilsum::client::torch_engine
