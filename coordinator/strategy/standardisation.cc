#include "coordinator/strategy/standardisation.h"

#include <algorithm>
#include <cmath>

namespace veilsum::coordinator {

absl::Status SetStandardisation(const model::Layout& layout, std::span<const std::int64_t> sum,
                                double scale, model::ModelVector& model) {
  const std::size_t numeric = layout.numeric();
  if (!layout.standardised()) return InvalidArgument("the model has no input.mean and input.scale");
  if (sum.size() != 1 + 2 * numeric)
    return InvalidArgument("statistics sum has %d numbers, must have %d", sum.size(),
                           1 + 2 * numeric);
  if (model.size() != layout.size())
    return InvalidArgument("model has %d numbers, must have %d", model.size(), layout.size());
  if (!(scale > 0 && std::isfinite(scale)))
    return InvalidArgument("scale is %g, must be positive", scale);
  const double count = static_cast<double>(sum[0]);
  const bool usable = count >= scale;  // at least one customer, noise included
  for (std::size_t j = 0; j < numeric; ++j) {
    const double mean = usable ? std::clamp(static_cast<double>(sum[1 + j]) / count, -1.0, 1.0) : 0;
    const double square = usable ? static_cast<double>(sum[1 + numeric + j]) / count : 1;
    const double variance = std::clamp(square - mean * mean, kVarianceFloor, 1.0);
    model[j] = static_cast<float>(mean);
    model[numeric + j] = static_cast<float>(1 / std::sqrt(variance));
  }
  return absl::OkStatus();
}

}  // namespace veilsum::coordinator
