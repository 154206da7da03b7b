#include "dp/event.h"

#include <cmath>

namespace veilsum::dp {
namespace {

constexpr unsigned kMostMerchants = 64;

bool IsInteger(NoiseKind kind) {
  return kind == NoiseKind::kDiscreteGaussian || kind == NoiseKind::kSkellam;
}

absl::Status ValidateGrid(const PrivacyEvent& event) {
  const IntegerGrid& grid = event.grid;
  if (!(grid.sensitivity >= 0) || !std::isfinite(grid.sensitivity))
    return InvalidArgument("sensitivity is %g, must be finite and at least 0", grid.sensitivity);
  if (!(grid.sensitivity_l1 >= 0) || !std::isfinite(grid.sensitivity_l1))
    return InvalidArgument("sensitivity_l1 is %g, must be finite and at least 0",
                           grid.sensitivity_l1);
  if (!IsInteger(event.noise) && grid.sensitivity != 0)
    return InvalidArgument("sensitivity is %g, but %s noise is not on a grid: must be 0",
                           grid.sensitivity, NameOf(event.noise));
  if (event.noise == NoiseKind::kSkellam && !(grid.sensitivity > 0))
    return InvalidArgument("sensitivity is %g, must be above 0 for skellam noise",
                           grid.sensitivity);
  const double sigma = event.noise_multiplier * grid.sensitivity;
  if (IsInteger(event.noise) && grid.sensitivity > 0 && !(sigma >= 0.5))
    return InvalidArgument("noise_multiplier times sensitivity is %g, must be at least 0.5", sigma);
  return absl::OkStatus();
}

}  // namespace

std::string_view NameOf(NoiseKind kind) {
  switch (kind) {
    case NoiseKind::kGaussian:
      return "gaussian";
    case NoiseKind::kLaplace:
      return "laplace";
    case NoiseKind::kDiscreteGaussian:
      return "discrete-gaussian";
    case NoiseKind::kSkellam:
      return "skellam";
  }
  return "unknown";
}

absl::Status ValidateEvent(const PrivacyEvent& event) {
  if (!(event.sampling_rate > 0 && event.sampling_rate <= 1))
    return InvalidArgument("sampling_rate is %g, must be above 0 and at most 1",
                           event.sampling_rate);
  VEILSUM_RETURN_IF_ERROR(NoiseMultiplier::Create(event.noise_multiplier).status());
  if (event.merchants < 1 || event.merchants > kMostMerchants)
    return InvalidArgument("merchants is %d, must be from 1 to %d", event.merchants,
                           kMostMerchants);
  if (event.merchants > 1 && event.noise != NoiseKind::kGaussian)
    return InvalidArgument("merchants is %d, must be 1 for %s noise", event.merchants,
                           NameOf(event.noise));
  return ValidateGrid(event);
}

}  // namespace veilsum::dp
