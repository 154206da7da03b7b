// The alias table of one level: probabilities in exact integers, split over equal cells without
// rounding.
#include <algorithm>
#include <cmath>
#include <numeric>

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
  const std::vector<FixedPoint> weights = Weights(variance_2_40, radius);
  FixedPoint total(1);
  for (std::uint32_t k = 1; k <= radius; ++k) total = total + weights[k] + weights[k];
  const FixedPoint scale = Reciprocal(total);

  std::vector<Uint128> floors(radius + 1), rests(radius + 1);
  Uint128 missing = 0;  // 2^128 minus the sum of the floors, modulo 2^128: at most 2 radius + 1
  for (std::uint32_t k = 0; k <= radius; ++k) {
    const FixedPoint probability = weights[k] * scale;
    floors[k] = probability.upper();
    rests[k] = probability.lower();
    missing -= k == 0 ? floors[k] : 2 * floors[k];
  }
  // Largest remainders get the missing units, in pairs, so that the table stays exactly symmetric.
  if (missing % 2 == 1) ++floors[0];
  std::vector<std::uint32_t> by_rest(radius);
  std::iota(by_rest.begin(), by_rest.end(), 1u);
  std::stable_sort(by_rest.begin(), by_rest.end(),
                   [&](auto a, auto b) { return rests[a] > rests[b]; });
  VEILSUM_CHECK(missing / 2 <= by_rest.size());
  for (std::size_t i = 0; i < static_cast<std::size_t>(missing / 2); ++i) ++floors[by_rest[i]];
  return floors;
}

GaussianTable::GaussianTable(std::uint64_t variance_2_40, int table_bits)
    : bits_(table_bits), cells_(std::size_t{1} << table_bits), lows_(cells_.size()) {
  const std::uint32_t radius = Radius(variance_2_40);
  offset_ = static_cast<int>(radius);
  VEILSUM_CHECK(2 * radius + 1 <= cells_.size());
  const std::vector<Uint128> half = Probabilities(variance_2_40, radius);
  std::vector<Uint128> mass(cells_.size(), 0);
  for (std::uint32_t k = 0; k <= radius; ++k) mass[radius + k] = mass[radius - k] = half[k];

  // Vose: a cell with less than its capacity keeps its own mass as threshold and is filled up from
  // one with more.
  const Uint128 capacity = Uint128{1} << (128 - bits_);
  std::vector<std::uint32_t> poor, rich;
  for (std::uint32_t cell = 0; cell < cells_.size(); ++cell)
    (mass[cell] < capacity ? poor : rich).push_back(cell);
  while (!poor.empty()) {
    VEILSUM_CHECK(!rich.empty());  // the masses sum to 2^128 = cells * capacity
    const std::uint32_t cell = poor.back(), donor = rich.back();
    poor.pop_back();
    cells_[cell] = (static_cast<std::uint64_t>(mass[cell] >> 64) << bits_) | donor;
    lows_[cell] = static_cast<std::uint64_t>(mass[cell]);
    mass[donor] -= capacity - mass[cell];
    if (mass[donor] < capacity) {
      rich.pop_back();
      poor.push_back(donor);
    }
  }
  for (const std::uint32_t cell : rich)
    cells_[cell] = cell;  // exactly full: threshold 0, alias itself
}

int GaussianTable::Value(std::uint64_t high, std::uint64_t low) const {
  const std::uint64_t cell = high >> (64 - bits_);
  const std::uint64_t fraction = high & (~std::uint64_t{0} >> bits_);
  const std::uint64_t threshold = cells_[cell] >> bits_;
  const bool own = fraction < threshold || (fraction == threshold && low < lows_[cell]);
  const std::uint64_t alias = cells_[cell] & ((std::uint64_t{1} << bits_) - 1);
  return static_cast<int>(own ? cell : alias) - offset_;
}

}  // namespace veilsum::dp
