#include "client/train/cpu/bag.h"

#include <algorithm>

namespace veilsum::client::cpu {
namespace {

double Exact(float x, float y) { return static_cast<double>(x) * static_cast<double>(y); }

}  // namespace

BagLayer::BagLayer(const model::Bag& bag, const model::IdList& list, std::size_t rows)
    : bag_(bag),
      list_(list),
      slots_(list.slots),
      table_(bag.buckets * bag.width),
      delta_(rows * bag.width),
      weights_(rows * slots_),
      ids_(rows * slots_),
      sum_(table_.size()),
      dense_(bag.buckets) {}

void BagLayer::Load(const model::ModelVector& model) {
  std::copy_n(model.data() + bag_.weight, table_.size(), table_.data());
  std::fill(sum_.begin(), sum_.end(), 0.0);
}

void BagLayer::Fill(std::size_t slot, const std::size_t* row) {
  for (std::size_t k = 0; k < slots_; ++k) {
    ids_[slot * slots_ + k] = row ? list_.ids[*row * slots_ + k] : 0;
    weights_[slot * slots_ + k] = row ? list_.weights[*row * slots_ + k] : 0;
  }
}

void BagLayer::Forward(std::size_t slot, float* to) const {
  const auto ids = IdsOf(slot);
  const auto weights = WeightsOf(slot);
  for (std::size_t n = 0; n < bag_.width; ++n) {
    double z = 0;
    for (std::size_t k = 0; k < slots_; ++k)
      z += Exact(weights[k], table_[ids[k] * bag_.width + n]);
    to[n] += static_cast<float>(z);
  }
}

void BagLayer::Backward(std::size_t slot, const float* weight, std::size_t columns,
                        std::size_t outputs, const float* above) {
  for (std::size_t j = 0; j < bag_.width; ++j) {
    double delta = 0;
    for (std::size_t n = 0; n < outputs; ++n) delta += Exact(weight[j * columns + n], above[n]);
    Delta(slot)[j] = static_cast<float>(delta);
  }
}

double BagLayer::InputDot(std::size_t r, std::size_t s) {
  const auto left = IdsOf(r), right = IdsOf(s);
  double dot = 0;
  for (std::size_t k = 0; k < slots_; ++k) dense_[left[k]] += static_cast<double>(WeightsOf(r)[k]);
  for (std::size_t k = 0; k < slots_; ++k)
    dot += dense_[right[k]] * static_cast<double>(WeightsOf(s)[k]);
  for (const std::uint32_t id : left) dense_[id] = 0;
  return dot;
}

double BagLayer::DeltaDot(std::size_t r, std::size_t s) const {
  double dot = 0;
  for (std::size_t n = 0; n < bag_.width; ++n)
    dot += Exact(delta_[r * bag_.width + n], delta_[s * bag_.width + n]);
  return dot;
}

void BagLayer::Accumulate(std::size_t rows, const float* factor) {
  std::vector<double> scaled(bag_.width);
  for (std::size_t r = 0; r < rows; ++r) {
    const double c = factor ? static_cast<double>(factor[r]) : 1;
    const bool live = c != 0;
    for (std::size_t n = 0; n < bag_.width; ++n) {
      const double e = c * static_cast<double>(delta_[r * bag_.width + n]);
      scaled[n] = live ? e : 0;
    }
    for (std::size_t k = 0; k < slots_; ++k) {
      const float weight = WeightsOf(r)[k];
      double* to = sum_.data() + IdsOf(r)[k] * bag_.width;
      for (std::size_t n = 0; n < bag_.width; ++n)
        to[n] += static_cast<double>(live ? weight : 0.0f) * scaled[n];
    }
  }
}

void BagLayer::CopySum(std::size_t buffers, std::vector<double>& out) const {
  std::copy(sum_.begin(), sum_.end(),
            out.begin() + static_cast<std::ptrdiff_t>(bag_.weight - buffers));
}

}  // namespace veilsum::client::cpu
