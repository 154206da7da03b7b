#include "client/train/cpu/sampled_items.h"

#include <algorithm>
#include <cmath>

namespace veilsum::client::cpu {

SampledItems::SampledItems(const model::Heads& heads, const model::Examples& examples,
                           std::size_t max_rows)
    : weights_(heads.front().negatives == 0 ? 0 : heads.front().outputs),
      stream_(examples, max_rows, weights_.size(), "fsa/v1/negatives") {
  if (weights_.empty()) return;
  const double rate =
      static_cast<double>(heads.front().negatives) / static_cast<double>(heads.front().outputs - 1);
  threshold_ = static_cast<std::uint32_t>(std::clamp(std::round(rate * 0x1p16), 1.0, 0x1p16));
  weight_ = static_cast<float>(0x1p16 / threshold_);
}

std::span<const float> SampledItems::Weights(std::optional<std::uint32_t> customer,
                                             std::size_t row) {
  const auto words = stream_.Words(customer, row);
  for (std::size_t i = 0; i < weights_.size(); ++i)
    weights_[i] = words[i] < threshold_ ? weight_ : 0.0f;
  return weights_;
}

}  // namespace veilsum::client::cpu
