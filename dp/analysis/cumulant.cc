#include "dp/analysis/cumulant.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace veilsum::dp {
namespace {

// Points that share one reference loss; within it powers e^(theta step j) come from a table.
constexpr std::size_t kRun = 64;

std::array<double, kRun> Powers(double theta, double step) {
  std::array<double, kRun> powers;
  for (std::size_t j = 0; j < kRun; ++j)
    powers[j] = std::exp(theta * step * static_cast<double>(j));
  return powers;
}

struct ChunkSums {
  double zeroth = 0, first = 0, second = 0;  // of mass e^(theta step j) j^n
};
ChunkSums SumChunk(const double* mass, std::size_t count, const std::array<double, kRun>& powers) {
  ChunkSums sums;
  for (std::size_t j = 0; j < count; ++j) {
    const double tilted = mass[j] * powers[j], at = static_cast<double>(j);
    sums.zeroth += tilted;
    sums.first += tilted * at;
    sums.second += tilted * at * at;
  }
  return sums;
}

}  // namespace

Cumulants CumulantsAt(const LossDistribution& loss, double theta) {
  const std::array<double, kRun> powers = Powers(theta, loss.step);
  // Sums over chunks, relative to the largest exponent so far.
  double top = -std::numeric_limits<double>::infinity(), zeroth = 0, first = 0, second = 0;
  for (std::size_t i = 0; i < loss.mass.size(); i += kRun) {
    const ChunkSums sums = SumChunk(&loss.mass[i], std::min(kRun, loss.mass.size() - i), powers);
    if (!(sums.zeroth > 0)) continue;
    const double base = static_cast<double>(loss.lowest + static_cast<std::int64_t>(i)) * loss.step;
    const double exponent = theta * base;
    if (exponent > top) {
      const double shrink = std::exp(top - exponent);
      zeroth *= shrink;
      first *= shrink;
      second *= shrink;
      top = exponent;
    }
    const double scale = std::exp(exponent - top), h = loss.step;
    zeroth += scale * sums.zeroth;
    first += scale * (base * sums.zeroth + h * sums.first);
    second += scale * (base * base * sums.zeroth + 2 * base * h * sums.first + h * h * sums.second);
  }
  const double mean = first / zeroth;
  return {top + std::log(zeroth), mean, std::max(0.0, second / zeroth - mean * mean)};
}

void AddTilted(const LossDistribution& loss, double theta, double log_m, std::vector<double>& out) {
  const std::array<double, kRun> powers = Powers(theta, loss.step);
  const std::size_t mask = out.size() - 1;
  for (std::size_t i = 0; i < loss.mass.size(); i += kRun) {
    const std::int64_t index = loss.lowest + static_cast<std::int64_t>(i);
    // A tilted mass is at most 1: an exponent that overflows has masses that vanish.
    const double scale =
        std::exp(std::min(600.0, theta * static_cast<double>(index) * loss.step - log_m));
    const std::size_t count = std::min(kRun, loss.mass.size() - i);
    for (std::size_t j = 0; j < count; ++j)
      out[(static_cast<std::size_t>(index) + j) & mask] += loss.mass[i + j] * powers[j] * scale;
  }
}

}  // namespace veilsum::dp
