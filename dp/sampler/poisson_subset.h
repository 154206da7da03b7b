// Which customers take part in an attempt: independent secret coins from fresh entropy (rules
// DP-05, DP-06).
#pragma once

#include <cstdint>
#include <vector>

#include "base/secure_rng.h"
#include "dp/params.h"

namespace veilsum::dp {

// Customers 0 .. population - 1, each in with probability `rate`, by one 64-bit word each of a
// stream keyed by 32 fresh bytes of `rng`. Never more than `padded_batch` (> 0): a larger sample is
// replaced by a uniformly random subset of exactly that size (DP-06). Ascending. The words read and
// the writes made do not depend on the coins (only the length of the result does); nothing is kept.
std::vector<std::uint32_t> SamplePoissonSubset(std::uint32_t population, const SamplingRate& rate,
                                               std::uint64_t padded_batch, SecureRng& rng);

}  // namespace veilsum::dp
