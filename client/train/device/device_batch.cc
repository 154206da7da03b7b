#include "client/train/device/device_batch.h"

#include <absl/cleanup/cleanup.h>

#include <algorithm>

namespace veilsum::client {
namespace {

std::size_t HiddenUnits(const model::Layout& layout) {
  std::size_t units = 0;
  for (const model::Layer& layer : layout.layers()) units += layer.out;
  return units - layout.layers().back().out;
}

std::uint32_t Below(std::uint32_t bound, SecureRng& rng) {
  std::uint8_t word[4];
  rng.Fill(word);
  return (word[0] | std::uint32_t{word[1]} << 8 | std::uint32_t{word[2]} << 16 |
          std::uint32_t{word[3]} << 24) %
         bound;
}

}  // namespace

float MadeUpNumber(SecureRng& rng) {
  return static_cast<float>(Below(1u << 24, rng)) * 0x1p-23f - 1;
}

DeviceBatch::DeviceBatch(const model::Layout& layout, const model::Examples& examples,
                         const model::Heads& heads, std::uint32_t max_rows, std::uint32_t places,
                         double dropout)
    : layout_(layout),
      examples_(examples),
      heads_(heads),
      max_rows_(max_rows),
      dropout_(layout, examples, max_rows, dropout),
      items_(heads, examples, max_rows),
      lengths_(places) {
  const std::size_t rows = std::size_t{places} * max_rows;
  x_.resize(rows * layout.numeric());
  labels_.resize(rows * heads.size());
  active_.resize(rows * static_cast<std::size_t>(examples.categorical));
  if (dropout_.on()) factors_.assign(rows * HiddenUnits(layout), 1);
  if (items_.on()) counts_.assign(rows * heads.front().outputs, 1);
  if (heads.front().loss == model::Loss::kTemporal) rewards_.resize(rows);
  for (const model::IdList& list : examples.lists)
    lists_.push_back({list.slots, list.buckets, std::vector<std::uint32_t>(rows * list.slots),
                      std::vector<float>(rows * list.slots)});
  PointBatch();
}

void DeviceBatch::PointBatch() {
  const auto data = [](const std::vector<float>& v) { return v.empty() ? nullptr : v.data(); };
  batch_ = {.rows = rows(),
            .x = data(x_),
            .labels = data(labels_),
            .factors = data(factors_),
            .counts = data(counts_),
            .customer_rows = max_rows_,
            .lengths = lengths_.data(),
            .rewards = data(rewards_)};
  batch_.active = {static_cast<std::size_t>(examples_.categorical), active_.data(), nullptr};
  for (const List& list : lists_)
    batch_.lists.push_back({list.slots, list.ids.data(), list.weights.data()});
}

void DeviceBatch::Fill(const model::ModelVector& model, std::span<const std::uint32_t> customers,
                       std::span<const std::uint32_t> places, const Secret<32>& key) {
  const absl::Cleanup forget = [this] {
    dropout_.ForgetKey();
    items_.ForgetKey();
  };
  dropout_.SetKey(key);
  items_.SetKey(key);
  const auto numeric = static_cast<std::ptrdiff_t>(layout_.standardised() ? layout_.numeric() : 0);
  mean_.assign(model.begin(), model.begin() + numeric);
  scale_.assign(model.begin() + numeric, model.begin() + 2 * numeric);
  std::vector<std::optional<std::uint32_t>> seats(lengths_.size());
  for (std::size_t i = 0; i < customers.size(); ++i) seats[places[i]] = customers[i];
  for (std::size_t place = 0; place < seats.size(); ++place) {
    const auto& customer = seats[place];
    lengths_[place] =
        customer ? examples_.first_row[*customer + 1] - examples_.first_row[*customer] : 0;
    for (std::size_t j = 0; j < max_rows_; ++j) FillRow(place * max_rows_ + j, customer, j);
  }
}

void DeviceBatch::FillRow(std::size_t at, std::optional<std::uint32_t> customer, std::size_t j) {
  std::optional<std::size_t> row;
  if (customer && examples_.first_row[*customer] + j < examples_.first_row[*customer + 1])
    row = examples_.first_row[*customer] + j;
  FillNumbers(at, row);
  FillLists(at, row);
  if (dropout_.on())
    std::ranges::copy(dropout_.Factors(customer, j),
                      factors_.begin() + static_cast<std::ptrdiff_t>(at * HiddenUnits(layout_)));
  if (items_.on())
    std::ranges::copy(items_.Weights(customer, j),
                      counts_.begin() + static_cast<std::ptrdiff_t>(at * heads_.front().outputs));
}

void DeviceBatch::FillNumbers(std::size_t at, std::optional<std::size_t> row) {
  const std::size_t numeric = layout_.numeric(), more = heads_.size() - 1;
  float* x = x_.data() + at * numeric;
  for (std::size_t j = 0; j < numeric; ++j) x[j] = row ? examples_.NumericOf(*row)[j] : 0;
  for (std::size_t j = 0; j < mean_.size(); ++j) {
    const float value = (x[j] - mean_[j]) * scale_[j];
    // A NaN stays, so that its customer is left out (DP-09).
    x[j] = value < -4 ? -4 : (value > 4 ? 4 : value);
  }
  float* label = labels_.data() + at * heads_.size();
  label[0] = row ? examples_.labels[*row] : 0;
  for (std::size_t h = 0; h < more; ++h)
    label[1 + h] = row ? examples_.more_labels[*row * more + h] : 0;
  if (!rewards_.empty()) rewards_[at] = row ? examples_.rewards[*row] : 0;
}

void DeviceBatch::FillLists(std::size_t at, std::optional<std::size_t> row) {
  const auto categorical = static_cast<std::size_t>(examples_.categorical);
  const auto dense = static_cast<std::uint32_t>(layout_.dense_inputs());
  for (std::size_t k = 0; k < categorical; ++k)
    active_[at * categorical + k] = row ? examples_.ActiveOf(*row)[k] - dense : 0;
  for (std::size_t l = 0; l < lists_.size(); ++l)
    for (std::size_t k = 0; k < lists_[l].slots; ++k) {
      const std::size_t to = at * lists_[l].slots + k;
      lists_[l].ids[to] = row ? examples_.lists[l].IdsOf(*row)[k] : 0;
      lists_[l].weights[to] = row ? examples_.lists[l].WeightsOf(*row)[k] : 0;
    }
}

void DeviceBatch::FillAtRandom(SecureRng& rng) {
  const auto one_hot = static_cast<std::uint32_t>(layout_.inputs() - layout_.dense_inputs());
  for (float& x : x_) x = MadeUpNumber(rng);
  for (std::uint32_t& input : active_) input = Below(one_hot, rng);
  for (List& list : lists_) {
    for (std::uint32_t& id : list.ids) id = Below(list.buckets, rng);
    for (float& weight : list.weights) weight = std::abs(MadeUpNumber(rng));
  }
  std::ranges::fill(labels_, 0.0f);
  std::ranges::fill(lengths_, static_cast<std::int64_t>(max_rows_));
}

}  // namespace veilsum::client
