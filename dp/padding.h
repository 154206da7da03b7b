// Fixed shapes, so that no size, time or memory tells how many customers a batch held (rule DP-06,
// SE-15, SE-16).
#pragma once

#include <cstdint>

#include "dp/params.h"

namespace veilsum::dp {

// The public size class of a merchant: the least power of two that is at least `customers`.
// InvalidArgument for 0 or above 2^40.
absl::StatusOr<std::uint64_t> SizeClass(std::uint64_t customers);

// Failure probability of a whole run that padding may cost, charged once to the run's delta
// (kOverflowPerRun).
inline constexpr double kQuantileTailPerRun = 1e-12;
inline constexpr double kOverflowPerRun = 4e-12;

// B_pad: the (1 - 1e-12 / attempts) quantile of Bin(population, rate), rounded up until also the
// others' batch fills it with probability at most 4e-12 / attempts per attempt; that event is fixed
// by other customers' coins, so it is a plain addition to delta. At most `population`.
// InvalidArgument when population or attempts is 0.
absl::StatusOr<std::uint64_t> PaddedBatch(std::uint64_t population, const SamplingRate& rate,
                                          std::uint64_t attempts);

// P[Bin(n, q) > k], never below the truth by more than a relative 1e-9.
double BinomialUpperTail(std::uint64_t n, double q, std::uint64_t k);

}  // namespace veilsum::dp
