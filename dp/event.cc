#include "dp/event.h"

namespace veilsum::dp {

absl::Status ValidateEvent(const PrivacyEvent& event) {
  if (!(event.sampling_rate > 0 && event.sampling_rate <= 1))
    return InvalidArgument("sampling_rate is %g, must be above 0 and at most 1",
                           event.sampling_rate);
  return NoiseMultiplier::Create(event.noise_multiplier).status();
}

}  // namespace veilsum::dp
