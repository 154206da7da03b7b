#include "client/train/cpu/dropout.h"

#include <algorithm>
#include <cmath>

namespace veilsum::client::cpu {
namespace {

std::size_t DroppedUnits(const model::Layout& layout, double rate) {
  std::size_t units = 0;
  for (std::size_t l = 0; l + 1 < layout.layers().size(); ++l) units += layout.layers()[l].out;
  return rate == 0 ? 0 : units;
}

}  // namespace

Dropout::Dropout(const model::Layout& layout, const model::Examples& examples, std::size_t max_rows,
                 double rate)
    : factors_(DroppedUnits(layout, rate)),
      stream_(examples, max_rows, factors_.size(), "fsa/v1/dropout") {
  if (factors_.empty()) return;
  threshold_ = static_cast<std::uint32_t>(std::clamp(std::round(rate * 0x1p16), 1.0, 0x1p16 - 1));
  kept_ = static_cast<float>(0x1p16 / (0x1p16 - threshold_));
}

std::span<const float> Dropout::Factors(std::optional<std::uint32_t> customer, std::size_t row) {
  const auto words = stream_.Words(customer, row);
  for (std::size_t i = 0; i < factors_.size(); ++i)
    factors_[i] = words[i] < threshold_ ? 0.0f : kept_;
  return factors_;
}

}  // namespace veilsum::client::cpu
