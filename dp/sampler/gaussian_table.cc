// The probabilities of one level, in exact integers.
#include <cmath>

#include "dp/sampler/discrete_gaussian.h"
#include "dp/sampler/fixed_point.h"

namespace veilsum::dp {
namespace {

using Uint128 = unsigned __int128;

// e^(-k^2 / (2 s0^2)) for k = 0 .. radius, from r = e^(-1 / (2 s0^2)): w_(k+1) = w_k r^(2k+1).
std::vector<FixedPoint> Weights(std::uint64_t variance_2_40, std::uint32_t radius) {
  const FixedPoint r = ExpMinus(FixedPoint::Ratio(std::uint64_t{1} << 39, variance_2_40));
  const FixedPoint r_squared = r * r;
  std::vector<FixedPoint> weights = {FixedPoint(1)};
  FixedPoint odd_power = r;
  for (std::uint32_t k = 0; k < radius; ++k) {
    weights.push_back(weights.back() * odd_power);
    odd_power = odd_power * r_squared;
  }
  return weights;
}

}  // namespace

std::uint32_t GaussianTable::Radius(std::uint64_t variance_2_40) {
  return static_cast<std::uint32_t>(13.5 * std::sqrt(static_cast<double>(variance_2_40) * 0x1p-40));
}

std::vector<Uint128> GaussianTable::Probabilities(std::uint64_t variance_2_40,
                                                  std::uint32_t radius) {
  return ProbabilitiesOf(Weights(variance_2_40, radius));
}

}  // namespace veilsum::dp
