// The game of a one-run audit: secret coins put canaries in or leave them out, scores computed from
// what was released rank them, and the highest-ranked are guessed to be in. Numbers of guesses are
// fixed in advance; several scores and numbers share the significance (union bound).
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/secure_rng.h"
#include "dp/audit/one_run_bound.h"

namespace veilsum::dp {

// One fair coin for each canary.
std::vector<bool> DrawCanaryCoins(std::size_t canaries, SecureRng& rng);

// How an adversary ranks canaries: the higher, the more likely in.
struct CanaryScore {
  std::string name;
  std::vector<double> values;  // one a canary
};

struct AuditEvidence {
  double epsilon_lower_bound = 0;  // the best of all attempts, valid at the whole significance
  CanaryGuesses guesses;           // that gave it
  std::string score;               // its name
};

// Tries each score with each number of guesses at significance / (their product). Ties in a score
// are broken by position, which the coins do not depend on. InvalidArgument: sizes differ, nothing
// to try, or EpsilonLowerBound's.
absl::StatusOr<AuditEvidence> EvaluateCanaries(const std::vector<bool>& in,
                                               std::span<const CanaryScore> scores,
                                               std::span<const std::uint64_t> guesses, double delta,
                                               double significance);

}  // namespace veilsum::dp
