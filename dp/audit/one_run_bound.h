// What one run says about epsilon: m canaries are each put in or left out by a fair coin, an
// adversary who sees the output guesses the coins of r of them (r fixed in advance) and is right v
// times. Steinke, Nasr, Jagielski, "Privacy Auditing with One (1) Training Run" (arXiv 2305.08846),
// theorem 5.2: under (epsilon, delta)-DP, P[at least v right] <= beta + 2 m delta max_i (P[Bin(r,
// p) >= v - i] - beta) / i, p = e^epsilon / (1 + e^epsilon), beta = P[Bin(r, p) >= v]. Holds
// whatever the mechanism does to the canaries together.
#pragma once

#include <cstdint>

#include "base/status.h"

namespace veilsum::dp {

struct CanaryGuesses {
  std::uint64_t canaries = 0;  // m
  std::uint64_t guesses = 0;   // r <= m
  std::uint64_t correct = 0;   // v <= r
};

// The probability bound above: of at least this many right under (epsilon, delta)-DP.
double ChanceOfGuesses(const CanaryGuesses& result, double epsilon, double delta);

// The largest epsilon that the guesses refute at `significance`: with probability 1 - significance
// the truth is above it. 0 when they refute nothing. InvalidArgument naming field and bound: 1 <= r
// <= m <= 2^24, v <= r, delta in [0, 1), significance in (0, 1).
absl::StatusOr<double> EpsilonLowerBound(const CanaryGuesses& result, double delta,
                                         double significance);

}  // namespace veilsum::dp
