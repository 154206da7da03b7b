#include "client/train/trainer.h"

#include <cmath>

namespace veilsum::client {

absl::Status CheckShape(const StepShape& shape) {
  int exponent;
  if (!(shape.scale >= 1) || !std::isfinite(shape.scale) ||
      std::frexp(shape.scale, &exponent) != 0.5)
    return InvalidArgument("DP-02: scale is %g, must be a power of two, at least 1", shape.scale);
  if (!(shape.clip_norm > 0) || !std::isfinite(shape.clip_norm))
    return InvalidArgument("clip_norm is %g, must be positive", shape.clip_norm);
  if (shape.padded_customers == 0) return InvalidArgument("padded_customers is 0");
  // The engines' rounding to the grid needs this much room in fp64.
  const double largest = shape.scale * shape.clip_norm * shape.padded_customers;
  if (!(largest < 0x1p51))
    return InvalidArgument("scale * clip_norm * padded_customers is %g, must be under 2^51",
                           largest);
  return absl::OkStatus();
}

absl::Status CheckSelection(std::span<const std::uint32_t> customers, std::size_t known,
                            std::uint32_t padded) {
  // The number of sampled customers is secret: no message may hold it.
  if (customers.size() > padded)
    return InvalidArgument("DP-06: more customers than padded_customers = %d", padded);
  std::vector<std::uint8_t> seen(known);
  for (const std::uint32_t u : customers) {
    if (u >= known) return InvalidArgument("a customer index is out of range");
    if (seen[u]++ != 0) return InvalidArgument("DP-02: a customer is in the sum twice");
  }
  return absl::OkStatus();
}

double SummationError(const StepShape& shape, std::uint32_t max_rows) {
  const double customers = shape.padded_customers;
  return 2 * shape.scale * (customers * max_rows) * 0x1p-53 * (1 + 0x1p-20) * customers * 64 *
         shape.clip_norm;
}

}  // namespace veilsum::client
