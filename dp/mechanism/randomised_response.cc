#include "dp/mechanism/randomised_response.h"

#include <cmath>

#include "base/uniform.h"

namespace veilsum::dp {

double TruthProbability(std::uint32_t epsilon_millis) {
  const double epsilon = epsilon_millis / 1000.0;
  return epsilon_millis == 0 ? 1 : 1 / (1 + std::exp(-epsilon));
}

// ln(p^a q^(1 - a) + q^a p^(1 - a)) / (a - 1) with p = q e^epsilon: the first term is q e^(a
// epsilon), the second p e^(-a epsilon).
AttemptCharge ChargeOfResponse(std::uint32_t epsilon_millis, std::uint32_t order) {
  const double epsilon = epsilon_millis / 1000.0, a = order;
  const double ln_p = -std::log1p(std::exp(-epsilon)), ln_q = ln_p - epsilon;
  const double large = a * epsilon + ln_q, small = ln_p - a * epsilon;
  return {(large + std::log1p(std::exp(small - large))) / (a - 1), 0, 0};
}

bool RandomisedResponse(bool truth, std::uint32_t epsilon_millis, SecureRng& rng) {
  VEILSUM_CHECK(epsilon_millis >= kLeastResponseMillis && epsilon_millis <= kMostResponseMillis);
  constexpr std::uint64_t kUnits = std::uint64_t{1} << 48;
  // A double has five bits more than the grid: what it rounds by is less than the unit that is
  // taken off.
  const double share = TruthProbability(epsilon_millis) * static_cast<double>(kUnits);
  const auto below = static_cast<std::uint64_t>(std::floor(share)) - 1;
  return UniformBelow(kUnits, rng) < below ? truth : !truth;
}

}  // namespace veilsum::dp
