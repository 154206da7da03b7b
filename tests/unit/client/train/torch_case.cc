#include "tests/unit/client/train/torch_case.h"

#include <cmath>

#include "client/train/cpu/dropout.h"
#include "client/train/cpu/sampled_items.h"

namespace veilsum::client {
namespace {

using model::Loss;

float LabelOf(const model::Head& head, std::mt19937& rng) {
  if (head.loss == Loss::kLogistic) return static_cast<float>(rng() % 2);
  if (head.outputs > 1) return static_cast<float>(rng() % head.outputs);
  return std::normal_distribution<float>(0, 1)(rng);
}

torch_engine::Loss TorchLoss(Loss loss) {
  if (loss == Loss::kLogistic) return torch_engine::Loss::kLogistic;
  if (loss == Loss::kSoftmax) return torch_engine::Loss::kSoftmax;
  if (loss == Loss::kTemporal) return torch_engine::Loss::kTemporal;
  return loss == Loss::kSquared ? torch_engine::Loss::kSquared : torch_engine::Loss::kHuber;
}

std::size_t Outputs(const TorchShape& shape) {
  std::size_t outputs = 0;
  for (const model::Head& head : shape.heads) outputs += head.outputs;
  return outputs;
}

model::Layout LayoutOf(const TorchShape& shape) {
  std::optional<model::ItemAttributes> items;
  if (shape.items) items = SomeAttributes(Outputs(shape));
  std::size_t one_hot = 0;
  for (const std::uint32_t buckets : shape.buckets) one_hot += buckets;
  return model::Layout::Mlp(static_cast<std::size_t>(shape.numeric), one_hot, shape.hidden, false,
                            shape.bags, items ? items->attributes() : Outputs(shape), false,
                            shape.layer_norm, shape.sequences, items);
}

// attributes x items.
std::vector<float> ItemWeights(const model::ItemAttributes& items) {
  std::vector<float> weights(items.attributes() * items.items());
  std::vector<float> one(items.attributes());
  for (std::size_t a = 0; a < items.attributes(); ++a) {
    one[a] = 1;
    items.Scores(one, std::span(weights).subspan(a * items.items(), items.items()));
    one[a] = 0;
  }
  return weights;
}

torch_engine::IdList Arrays(const model::IdList& list) {
  return {list.slots, list.ids.data(), list.weights.data()};
}

}  // namespace

const std::vector<TorchShape>& TorchShapes() {
  const model::Head binary{}, classes{Loss::kSoftmax, 5}, squared{Loss::kSquared, 1, 0.5},
      huber{Loss::kHuber, 1, 2, 0.3};
  model::Head sampled{Loss::kSoftmax, 40};
  sampled.negatives = 9;
  const model::Head actions{.loss = Loss::kTemporal, .outputs = 6, .huber = 0.5, .discount = 0.8};
  const model::Heads all = {sampled, binary, huber, squared, classes};
  const model::BagShape bag{0, 50, 4, false}, direct{0, 50, 1, true};
  const model::SequenceShape convolution{0, 6, 7, 3, model::Encoder::kConvolution, 3, 4},
      unit{0, 6, 7, 3, model::Encoder::kRecurrent, 0, 4};
  model::SequenceShape other = unit;
  other.list = 1;
  static const std::vector<TorchShape> shapes = {
      {"plain"},
      {"linear", {}},
      {"dropout", {70, 33}, 0.5},
      {"layer norm", {70, 33}, 0, true},
      {"both", {33, 17, 5}, 0.2, true},
      {"softmax", {20}, 0, false, {classes}},
      {"squared", {20}, 0, false, {squared}},
      {"Huber", {20}, 0, false, {huber}},
      {"sampled softmax", {24}, 0, false, {sampled}},
      {"all", {40, 21}, 0.3, true, all},
      {"rows", {33}, 0, false, {binary}, 4},
      {"rows of all", {40, 21}, 0.3, true, all, 3},
      {"cancelling rows", {}, 0, false, {binary}, 4, true},
      {"a bandit", {20}, 0, false, {actions}},
      {"action values", {30, 12}, 0.2, true, {actions}, 5},
      {"one-hot", {30}, 0, false, {binary}, 1, false, {4, 8, 3}},
      {"one-hot alone", {}, 0, false, {binary}, 3, false, {4, 8}, {}, {}, false, 0},
      {"a bag", {30}, 0, false, {binary}, 1, false, {}, {bag}},
      {"wide lists", {30}, 0, false, {binary}, 1, false, {9000}, {{0, 9000, 4, false}}},
      {"bags of rows", {30, 12}, 0.2, true, {binary}, 4, false, {4, 8}, {bag, direct}},
      {"a direct bag of classes", {}, 0, false, {classes}, 2, false, {4}, {{0, 9, 5, true}}},
      {"a convolution", {20}, 0, false, {binary}, 1, false, {}, {}, {convolution}},
      {"convolutions of rows", {20}, 0, false, {binary}, 3, false, {}, {}, {convolution}},
      {"a recurrent unit", {20}, 0, false, {binary}, 1, false, {}, {}, {unit}},
      {"recurrent units of rows", {20}, 0, false, {binary}, 3, false, {}, {}, {unit}},
      {"everything", {20, 9}, 0.2, true, all, 3, false, {4, 8}, {bag}, {other}},
      {"items with attributes", {24}, 0, false, {sampled}, 1, false, {4}, {}, {}, true},
      {"rows of items", {24}, 0.2, true, {sampled}, 3, false, {4}, {bag}, {}, true}};
  return shapes;
}

TorchCase::TorchCase(const TorchShape& shape) : shape_(shape), layout_(LayoutOf(shape)) {
  examples_ = RandomExamples(
      {kCustomers, shape.max_rows, shape.numeric, shape.buckets, shape.bags, shape.sequences},
      rng_);
  SetLabels();
  model_ = RandomModel(layout_, rng_, shape.cancelling ? 0.1 : 1);
  if (shape.cancelling) Cancel();
  target_ = RandomModel(layout_, rng_);
  Fill();
}

void TorchCase::SetLabels() {
  for (float& label : examples_.labels) {
    if (temporal()) examples_.rewards.push_back(LabelOf({Loss::kSquared}, rng_));
    label = LabelOf(shape_.heads[0], rng_);
    for (std::size_t h = 1; h < shape_.heads.size(); ++h)
      examples_.more_labels.push_back(rng_() % 4 == 0 ? NAN : LabelOf(shape_.heads[h], rng_));
  }
}

// Every other row nearly repeats the one before, with the other label.
void TorchCase::Cancel() {
  const auto numeric = static_cast<std::size_t>(shape_.numeric);
  for (std::size_t row = 1; row < examples_.rows(); row += 2) {
    for (std::size_t i = row * numeric; i < (row + 1) * numeric; ++i)
      examples_.numeric_values[i] = 1.01f * examples_.numeric_values[i - numeric];
    examples_.labels[row] = 1 - examples_.labels[row - 1];
  }
}

void TorchCase::Break() {
  if (shape_.numeric > 0)
    examples_.numeric_values[static_cast<std::size_t>(shape_.numeric) * 7 + 3] = NAN;
  for (const model::BagShape& bag : shape_.bags) {
    model::IdList& list = examples_.lists[bag.list];
    list.weights[list.slots * 17] = INFINITY;
  }
  if (shape_.heads[0].outputs > 1) examples_.labels[11] = 1000;
  if (temporal()) examples_.rewards[13] = INFINITY;
  Fill();
}

Secret<32> TorchCase::Key() {
  std::array<std::uint8_t, 32> bytes;
  bytes.fill(9);
  return Secret<32>(bytes);
}

template <class T, class RowOf>
std::vector<T> TorchCase::Padded(RowOf&& row_of) const {
  std::vector<T> all;
  for (std::uint32_t u = 0; u < kCustomers; ++u)
    for (std::size_t slot = 0; slot < shape_.max_rows; ++slot) {
      const std::size_t own = examples_.first_row[u + 1] - examples_.first_row[u];
      const std::size_t j = std::min(slot, own - 1);
      const auto row = row_of(u, j, examples_.first_row[u] + j);
      all.insert(all.end(), row.begin(), row.end());
    }
  return all;
}

void TorchCase::Fill() {
  const auto rows_of = [&](auto&& row_of) {
    return Padded<float>([&](std::uint32_t, std::size_t, std::size_t row) { return row_of(row); });
  };
  const auto ids_of = [&](auto&& row_of) {
    return Padded<std::uint32_t>(
        [&](std::uint32_t, std::size_t, std::size_t row) { return row_of(row); });
  };
  x_ = rows_of([&](std::size_t row) { return examples_.NumericOf(row); });
  const std::size_t more = shape_.heads.size() - 1;
  labels_ = rows_of([&](std::size_t row) {
    std::vector<float> labels = {examples_.labels[row]};
    for (std::size_t h = 0; h < more; ++h) labels.push_back(examples_.more_labels[row * more + h]);
    return labels;
  });
  if (temporal())
    rewards_ = rows_of([&](std::size_t row) { return std::span(&examples_.rewards[row], 1); });
  active_ = ids_of([&](std::size_t row) { return examples_.ActiveOf(row); });
  for (std::uint32_t& input : active_) input -= static_cast<std::uint32_t>(layout_.dense_inputs());
  lists_.clear();
  for (const model::IdList& list : examples_.lists)
    lists_.push_back({list.buckets, list.slots,
                      ids_of([&](std::size_t row) { return list.IdsOf(row); }),
                      rows_of([&](std::size_t row) { return list.WeightsOf(row); })});
  lengths_.clear();
  for (std::uint32_t u = 0; u < kCustomers; ++u)
    lengths_.push_back(examples_.first_row[u + 1] - examples_.first_row[u]);
  cpu::Dropout dropout(layout_, examples_, shape_.max_rows, shape_.dropout);
  if (dropout.on()) {
    dropout.SetKey(Key());
    factors_ = Padded<float>(
        [&](std::uint32_t u, std::size_t j, std::size_t) { return dropout.Factors(u, j); });
  }
  cpu::SampledItems items(shape_.heads, examples_, shape_.max_rows);
  if (items.on()) {
    items.SetKey(Key());
    counts_ = Padded<float>(
        [&](std::uint32_t u, std::size_t j, std::size_t) { return items.Weights(u, j); });
  }
}

torch_engine::Net TorchCase::Net() const {
  torch_engine::Net net{.widths = {layout_.inputs()}, .heads = {}};
  net.layer_norm_epsilon = shape_.layer_norm ? model::kLayerNormEpsilon : 0.0;
  for (const model::Layer& layer : layout_.layers()) net.widths.push_back(layer.out);
  for (const model::Head& head : shape_.heads)
    net.heads.push_back(
        {TorchLoss(head.loss), head.outputs, head.weight, head.huber, head.discount});
  net.one_hot = layout_.inputs() - layout_.dense_inputs();
  for (const model::BagShape& bag : shape_.bags)
    net.bags.push_back({bag.list, bag.buckets, bag.width, bag.direct});
  for (const model::SequenceShape& sequence : shape_.sequences)
    net.sequences.push_back(
        {sequence.list, sequence.buckets, sequence.embedding, sequence.channels, sequence.kernel});
  if (layout_.items()) net.item_weights = ItemWeights(*layout_.items());
  return net;
}

torch_engine::Batch TorchCase::Batch() const {
  torch_engine::Batch batch{kCustomers * shape_.max_rows, x_.data(), labels_.data()};
  if (!factors_.empty()) batch.factors = factors_.data();
  if (!counts_.empty()) batch.counts = counts_.data();
  batch.customer_rows = shape_.max_rows;
  if (shape_.max_rows > 1) batch.lengths = lengths_.data();
  if (temporal()) {
    batch.rewards = rewards_.data();
    batch.target = target_.data();
  }
  batch.active = {shape_.buckets.size(), active_.data(), nullptr};
  for (const model::IdList& list : lists_) batch.lists.push_back(Arrays(list));
  return batch;
}

}  // namespace veilsum::client
