#include "client/train/cpu/clip.h"

#include <algorithm>
#include <cmath>

#include "client/train/cpu/kernels.h"

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
  total_ += rows * rows;
}

double CertifiedNorm::Factor(double clip_norm, double cancellation) const {
  if (!std::isfinite(squared_) || !std::isfinite(total_)) return 0;
  const double norm = std::sqrt(squared_) * (1 + 0x1p-20);
  const double terms = std::sqrt(total_) * (1 + 0x1p-20);
  double factor = 1;
  if (norm > clip_norm) factor = clip_norm / norm;
  const double most = cancellation * clip_norm;
  if (factor * terms > most) factor = std::min(factor, most / terms);
  return factor;
}

absl::StatusOr<MicroBatches> CutStep(const StepShape& shape, std::size_t max_rows,
                                     std::size_t target_rows, double scattered_error) {
  constexpr double kRoom = 0x1p31 - 0x1p26;
  const double one =
      shape.scale * shape.clip_norm * 1.01 + scattered_error;  // customer, grid units
  if (!(one < kRoom))
    return InvalidArgument("DP-02: scale * clip_norm is %g, must be under 2^31",
                           shape.scale * shape.clip_norm);
  MicroBatches cut;
  const std::size_t fits = std::min<std::size_t>(static_cast<std::size_t>(kRoom / one),
                                                 std::max<std::size_t>(1, target_rows / max_rows));
  // Equal parts, so that the last one is not nearly empty.
  const std::size_t parts = (shape.padded_customers + fits - 1) / fits;
  cut.customers = (shape.padded_customers + parts - 1) / parts;
  double held = one * static_cast<double>(fits);
  for (; held * 2 < 0x1p28 && cut.finer < 20; held *= 2) ++cut.finer;
  cut.flush = static_cast<std::size_t>(kRoom / held);
  // From the largest parts that there can be, so that padding does not change the limit.
  // An fp32 chain of N products is within gamma |a|^T |e| of the exact sum, and |a|^T |e| has norm
  // at most U K C over its customers; two more roundings made e and the scattered products.
  const std::size_t chain = std::min(fits, kChainRows / max_rows);
  const double n = static_cast<double>(RoundUp(chain * max_rows, kRowTile)) + 2;
  const double gamma = n * 0x1p-24 / (1 - n * 0x1p-24);
  const double lost =
      2 * gamma * static_cast<double>(chain) * CancellationLimit(max_rows) * (1 + 0x1p-10);
  cut.limit =
      (shape.clip_norm - std::ldexp(scattered_error / shape.scale, -cut.finer)) / (1 + lost);
  if (!(cut.limit > 0.75 * shape.clip_norm))
    return InvalidArgument("DP-02: scale %g is too coarse for clip_norm %g and this model's inputs",
                           shape.scale, shape.clip_norm);
  return cut;
}

}  // namespace veilsum::client::cpu
