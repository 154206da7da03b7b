// Parameters come from Create, which validates, and do not stand in for each other.
#include "dp/analysis/calibrate.h"

namespace veilsum::dp {

absl::StatusOr<Calibration> Use(Epsilon epsilon, Delta delta, const SamplingRate& rate) {
#ifdef BARE_NUMBERS
  (void)LeastNoise(1.0, 1e-5, rate, 10);
#endif
#ifdef SWAPPED
  (void)LeastNoise(delta, epsilon, rate, 10);
#endif
#ifdef UNVALIDATED
  (void)LeastNoise(Epsilon(-1.0), delta, rate, 10);
#endif
  return LeastNoise(epsilon, delta, rate, 10);
}

}  // namespace veilsum::dp
