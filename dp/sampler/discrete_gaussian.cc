#include "dp/sampler/discrete_gaussian.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

namespace veilsum::dp {
namespace {

constexpr double kLeastSigma = 8;  // below, a sum of shares is visibly not a discrete Gaussian
constexpr double kMostSigma = 0x1p50;
constexpr double kTailRadius = 13.5;  // in units of s0: cuts a mass of 2^-135.6

// 1 + m^2 + m^4 + ...: variance of the sum of levels in units of s0^2.
long double VarianceFactor(int levels, std::uint32_t step) {
  long double factor = 1;
  for (int level = 1; level < levels; ++level) factor = factor * step * step + 1;
  return factor;
}

double DistancePerSample(int levels, std::uint64_t variance_2_40) {
  const double entries = 2.0 * GaussianTable::Radius(variance_2_40) + 1;
  const double table =
      entries * 0x1p-129 + 0x1p-135;  // half of one unit of 2^-128 an entry, and the cut tail
  return levels * table + (levels - 1) * 0x1p-250;
}

// The shape with these levels and this table, if its s0 fits the table and is smooth enough for the
// steps (DP-11).
std::optional<SamplerShape> TryShape(double sigma, int levels, int table_bits) {
  const double most_s0 = (std::ldexp(1.0, table_bits) - 1) / (2 * kTailRadius);
  std::uint32_t step = levels == 1 ? 1 : 2;
  const auto s0_squared = [&] {
    return static_cast<long double>(sigma) * sigma / VarianceFactor(levels, step);
  };
  while (levels > 1 && step < 1024 && s0_squared() > most_s0 * most_s0 * (1 - 1e-9)) ++step;
  const long double variance = s0_squared();
  if (variance > most_s0 * most_s0 * (1 - 1e-9)) return std::nullopt;
  if (levels > 1 && variance < 9.0L * (1 + static_cast<long double>(step) * step))
    return std::nullopt;
  const auto units = static_cast<std::uint64_t>(std::ceil(variance * 0x1p40L)) + 1;
  const long double reached =
      std::sqrt(static_cast<long double>(units) * 0x1p-40L * VarianceFactor(levels, step));
  return SamplerShape{levels,
                      step,
                      table_bits,
                      units,
                      std::max(sigma, static_cast<double>(reached)),
                      DistancePerSample(levels, units)};
}

}  // namespace

absl::StatusOr<SamplerShape> ChooseSamplerShape(double sigma) {
  if (!(sigma >= kLeastSigma && sigma <= kMostSigma))
    return InvalidArgument("share_sigma is %g, must be from %g to 2^50 (DP-11)", sigma,
                           kLeastSigma);
  // In the order of cost: a word more costs more than a table that leaves the first-level cache.
  constexpr std::array<std::pair<int, int>, 13> kShapes = {{{1, 11},
                                                            {1, 12},
                                                            {2, 11},
                                                            {2, 12},
                                                            {3, 11},
                                                            {3, 12},
                                                            {3, 13},
                                                            {3, 14},
                                                            {4, 13},
                                                            {5, 13},
                                                            {6, 13},
                                                            {7, 13},
                                                            {8, 13}}};
  for (const auto& [levels, bits] : kShapes)
    if (const auto shape = TryShape(sigma, levels, bits)) return *shape;
  return Internal("no sampler shape for share_sigma %g", sigma);
}

absl::StatusOr<std::unique_ptr<const DiscreteGaussianSampler>> DiscreteGaussianSampler::Create(
    double sigma) {
  VEILSUM_ASSIGN_OR_RETURN(const SamplerShape shape, ChooseSamplerShape(sigma));
  return std::unique_ptr<const DiscreteGaussianSampler>(new DiscreteGaussianSampler(shape));
}

std::int64_t DiscreteGaussianSampler::bound() const {
  std::int64_t bound = 0;
  for (int level = 0; level < shape_.levels; ++level) bound = bound * shape_.step + table_.offset();
  return bound;
}

void DiscreteGaussianSampler::AddNoise(const Secret<32>& seed,
                                       std::span<std::int64_t> values) const {
  AddTableNoise(table_, shape_.levels, shape_.step, "veilsum/dp/noise/v1", seed, values);
}

}  // namespace veilsum::dp
