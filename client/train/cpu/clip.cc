#include "client/train/cpu/clip.h"

#include <algorithm>
#include <cmath>

namespace veilsum::client::cpu {

void CertifiedNorm::AddLayer(std::size_t in, std::size_t out, std::size_t row_slots,
                             std::span<const double> inputs, std::span<const double> deltas) {
  double gram = 0, rows = 0;
  for (std::size_t i = 0; i < row_slots * row_slots; ++i) gram += inputs[i] * deltas[i];
  for (std::size_t i = 0; i < row_slots * row_slots; i += row_slots + 1)
    rows += std::sqrt(inputs[i] * deltas[i]);
  const double gamma = static_cast<double>(in + out + row_slots * row_slots + 8) * 0x1p-53;
  // A NaN or infinite Gram must stay one: std::max(0, NaN) would make it 0.
  squared_ += (gram < 0 ? 0 : gram) + gamma * rows * rows;
  total_ += rows;
}

double CertifiedNorm::Factor(double clip_norm) const {
  if (!std::isfinite(squared_) || !std::isfinite(total_)) return 0;
  const double norm = std::sqrt(squared_) * (1 + 0x1p-20);
  double factor = 1;
  if (norm > clip_norm) factor = clip_norm / norm;
  if (factor * total_ > kSlackK * clip_norm)
    factor = std::min(factor, kSlackK * clip_norm / total_);
  return factor;
}

}  // namespace veilsum::client::cpu
