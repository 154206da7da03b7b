// Parameters come from Create, which validates, and do not stand in for each other.
#include "dp/analysis/calibrate.h"

namespace veilsum::dp {

absl::StatusOr<Calibration> Use(Epsilon epsilon, Delta delta, const SamplingRate& rate) {
#if defined(BARE_NUMBERS)
  return LeastNoise(1.0, 1e-5, rate, 10);
#elif defined(SWAPPED)
  return LeastNoise(delta, epsilon, rate, 10);
#elif defined(UNVALIDATED)
  return LeastNoise(Epsilon(-1.0), delta, rate, 10);
#else
  return LeastNoise(epsilon, delta, rate, 10);
#endif
}

}  // namespace veilsum::dp
