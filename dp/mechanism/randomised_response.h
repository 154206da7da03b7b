// One bit of a whole data set, told with noise of its own: Warner, "Randomized response" (1965).
// With probability e^epsilon / (1 + e^epsilon) it is the truth, else its opposite, so that the bit
// is epsilon-private for every customer, and for all of them together.
#pragma once

#include <cstdint>

#include "base/secure_rng.h"
#include "dp/ledger/attempt_charge.h"

namespace veilsum::dp {

// In thousandths, so that what is stated, charged and counted by is one number.
inline constexpr std::uint32_t kLeastResponseMillis = 100, kMostResponseMillis = 8000;

// The probability that the truth is told. 1 for 0 thousandths, which stands for no protection.
double TruthProbability(std::uint32_t epsilon_millis);
// What one bit costs at an order of at least 2: the Renyi divergence of the two Bernoulli
// distributions, exact. Nothing else: there is no sampler's distance in it.
AttemptCharge ChargeOfResponse(std::uint32_t epsilon_millis, std::uint32_t order);
// A fair draw; its probability is rounded towards less truth. Needs an epsilon within the bounds.
bool RandomisedResponse(bool truth, std::uint32_t epsilon_millis, SecureRng& rng);

}  // namespace veilsum::dp
