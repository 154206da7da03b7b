#include "dp/padding.h"

#include <algorithm>
#include <cmath>

#include "dp/analysis/log_choose.h"

namespace veilsum::dp {
namespace {

constexpr std::uint64_t kMostCustomers = std::uint64_t{1} << 40;

long double LogBinomialMass(std::uint64_t n, long double q, std::uint64_t k) {
  return LogChoose(static_cast<long double>(n), static_cast<long double>(k)) + k * std::log(q) +
         (n - k) * std::log1p(-q);
}

// Padding is enough when neither the batch nor the batch of the others overflows more often than
// its part of the run's delta.
bool Holds(std::uint64_t population, double q, std::uint64_t size, double attempts) {
  return BinomialUpperTail(population, q, size) <= kQuantileTailPerRun / attempts &&
         BinomialUpperTail(population - 1, q, size - 1) <= kOverflowPerRun / attempts;
}

}  // namespace

absl::StatusOr<std::uint64_t> SizeClass(std::uint64_t customers) {
  if (customers == 0 || customers > kMostCustomers)
    return InvalidArgument("customers is %d, must be from 1 to 2^40 (SE-15)", customers);
  std::uint64_t size = 1;
  while (size < customers) size *= 2;
  return size;
}

double BinomialUpperTail(std::uint64_t n, double q, std::uint64_t k) {
  if (k >= n) return 0;
  if (q >= 1) return 1;
  if (static_cast<double>(k + 1) <= q * static_cast<double>(n))
    return 1;  // below the mean nothing is claimed
  // Beyond the mean the masses fall, ratio (n - i) / (i + 1) * q / (1 - q) < 1.
  const long double odds = static_cast<long double>(q) / (1 - static_cast<long double>(q));
  long double ratio_sum = 1, term = 1;
  for (std::uint64_t i = k + 1; i < n; ++i) {
    term *= static_cast<long double>(n - i) / static_cast<long double>(i + 1) * odds;
    ratio_sum += term;
    if (term < ratio_sum * 1e-19L) break;
  }
  const long double tail = std::exp(LogBinomialMass(n, q, k + 1)) * ratio_sum;
  return std::min(1.0, static_cast<double>(tail * (1 + 1e-9L)));
}

absl::StatusOr<std::uint64_t> PaddedBatch(std::uint64_t population, const SamplingRate& rate,
                                          std::uint64_t attempts) {
  if (population == 0 || population > kMostCustomers)
    return InvalidArgument("population is %d, must be from 1 to 2^40 (DP-06)", population);
  if (attempts == 0) return InvalidArgument("attempts is 0, must be at least 1 (DP-06)");
  std::uint64_t low = 1, high = population;  // holds at high: nobody can be left out
  while (low < high) {
    const std::uint64_t middle = low + (high - low) / 2;
    if (Holds(population, rate.value(), middle, static_cast<double>(attempts)))
      high = middle;
    else
      low = middle + 1;
  }
  return low;
}

}  // namespace veilsum::dp
