#include "tests/unit/client/train/torch_case.h"

#include <cmath>

namespace veilsum::client {
namespace {

using model::Loss;

float LabelOf(const model::Head& head, std::mt19937& rng) {
  if (head.loss == Loss::kLogistic) return static_cast<float>(rng() % 2);
  if (head.outputs > 1) return static_cast<float>(rng() % head.outputs);
  return std::normal_distribution<float>(0, 1)(rng);
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

void TorchCase::Stretch(float model, float inputs) {
  for (float& number : model_) number *= model;
  for (float& value : examples_.numeric_values) value *= inputs;
  Fill();
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

void TorchCase::Fill() {
  batch_.emplace(layout_, examples_, shape_.heads, shape_.max_rows, kCustomers, shape_.dropout);
  batch_->Fill(model_, Everyone(examples_), Everyone(examples_), Key());
  if (temporal()) batch_->SetTarget(target_.data());
}

torch_engine::Batch TorchCase::Batch() const { return batch_->batch(); }

}  // namespace veilsum::client
