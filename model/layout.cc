#include "model/layout.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "base/crypto/sha256_stream.h"

namespace veilsum::model {

static_assert(std::endian::native == std::endian::little, "models are little-endian float32");

void Layout::Add(std::string name, std::vector<std::size_t> shape) {
  std::size_t size = 1;
  for (const std::size_t n : shape) size *= n;
  tensors_.push_back({std::move(name), std::move(shape), size_, size});
  size_ += size;
}

Layout Layout::Mlp(std::size_t numeric, std::size_t one_hot, const std::vector<std::size_t>& hidden,
                   bool standardised, const std::vector<BagShape>& bags, std::size_t outputs,
                   bool adaptive_clip, bool layer_norm, const std::vector<SequenceShape>& sequences,
                   std::optional<ItemAttributes> items) {
  Layout layout;
  layout.items_ = std::move(items);
  layout.layer_norm_ = layer_norm && !hidden.empty();
  layout.numeric_ = layout.dense_ = numeric;
  for (const BagShape& shape : bags) {
    layout.bags_.push_back({shape, 0, shape.direct ? 0 : layout.dense_});
    if (!shape.direct) layout.dense_ += shape.width;
  }
  for (const SequenceShape& shape : sequences) {
    layout.sequences_.push_back({shape, 0, 0, 0, layout.dense_});
    layout.dense_ += shape.channels;
  }
  if (standardised) {
    layout.Add("input.mean", {numeric});
    layout.Add("input.scale", {numeric});
  }
  layout.standardised_ = standardised && numeric > 0;
  if (adaptive_clip) {
    layout.clip_norm_ = layout.size_;
    layout.Add("merchant.clip_norm", {1});
  }
  layout.buffers_ = layout.size_;
  std::vector<std::size_t> widths = hidden;
  widths.push_back(outputs);
  std::size_t in = layout.dense_ + one_hot;
  for (std::size_t i = 0; i < widths.size(); ++i) {
    const Layer layer{in, widths[i], layout.size_, layout.size_ + in * widths[i]};
    layout.Add(absl::StrFormat("layers.%d.weight", i), {layer.in, layer.out});
    layout.Add(absl::StrFormat("layers.%d.bias", i), {layer.out});
    layout.layers_.push_back(layer);
    in = widths[i];
  }
  for (std::size_t i = 0; i < layout.bags_.size(); ++i) {
    Bag& bag = layout.bags_[i];
    bag.weight = layout.size_;
    layout.Add(absl::StrFormat("bags.%d.weight", i), {bag.buckets, bag.width});
  }
  for (std::size_t i = 0; i < layout.sequences_.size(); ++i) {
    Sequence& sequence = layout.sequences_[i];
    const std::string name = absl::StrFormat("sequences.%d.", i);
    sequence.table = layout.size_;
    layout.Add(name + "table", {sequence.buckets, sequence.embedding});
    sequence.weight = layout.size_;
    layout.Add(name + "weight", {sequence.rows(), sequence.biases()});
    sequence.bias = layout.size_;
    layout.Add(name + "bias", {sequence.biases()});
  }
  return layout;
}

Layout Layout::WithFreeItems() const {
  std::vector<std::size_t> hidden;
  for (std::size_t l = 0; l + 1 < layers_.size(); ++l) hidden.push_back(layers_[l].out);
  std::vector<BagShape> bags(bags_.begin(), bags_.end());
  for (BagShape& bag : bags)
    if (bag.direct) bag.width = outputs();
  return Mlp(numeric_, inputs() - dense_, hidden, standardised_, bags, outputs(),
             clip_norm_.has_value(), layer_norm_, {sequences_.begin(), sequences_.end()});
}

namespace {

// Whether a tensor's rows are as long as the last layer's outputs.
bool IsOfOutputs(const Layout& layout, const Tensor& tensor) {
  const Layer& last = layout.layers().back();
  const auto is_direct = [&](const Bag& bag) { return bag.direct && bag.weight == tensor.offset; };
  return tensor.offset == last.weight || tensor.offset == last.bias ||
         std::ranges::any_of(layout.bags(), is_direct);
}

// The same rows of a matrix with items for columns.
void FoldRows(const ItemAttributes& items, std::span<const float> rows, std::span<float> out) {
  for (std::size_t r = 0; r * items.items() < out.size(); ++r)
    items.Scores(rows.subspan(r * items.attributes(), items.attributes()),
                 out.subspan(r * items.items(), items.items()));
}

}  // namespace

Folded FoldItems(const Layout& layout, const ModelVector& model) {
  if (!layout.items()) return {layout, model};
  Folded out{layout.WithFreeItems(), {}};
  out.model.resize(out.layout.size());
  for (std::size_t t = 0; t < layout.tensors().size(); ++t) {
    const Tensor &from = layout.tensors()[t], &to = out.layout.tensors()[t];
    const auto values = std::span(model).subspan(from.offset, from.size);
    const auto made = std::span(out.model).subspan(to.offset, to.size);
    if (IsOfOutputs(layout, from))
      FoldRows(*layout.items(), values, made);
    else
      std::ranges::copy(values, made.begin());
  }
  return out;
}

Bytes ModelBytes(const ModelVector& model) {
  Bytes out(model.size() * sizeof(float));
  std::memcpy(out.data(), model.data(), out.size());
  return out;
}

Hash32 ModelHash(const ModelVector& model) {
  const auto bytes = std::as_bytes(std::span(model));
  return Sha256Stream("fsa/v1/model")
      .Add({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()})
      .Finish();
}

absl::StatusOr<ModelVector> ParseModelBytes(ByteView bytes, std::size_t expected) {
  if (bytes.size() != expected * sizeof(float))
    return InvalidArgument("model has %d bytes, must have %d", bytes.size(),
                           expected * sizeof(float));
  ModelVector model(expected);
  std::memcpy(model.data(), bytes.data(), bytes.size());
  for (std::size_t i = 0; i < model.size(); ++i)
    if (!std::isfinite(model[i])) return InvalidArgument("model number %d is not finite", i);
  return model;
}

}  // namespace veilsum::model
