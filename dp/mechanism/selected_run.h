// Repeat and select over whole runs: what choosing the best of K runs tells, K drawn by RepeatCount
// (dp/analysis/selection.h has the theory). Scores come from evaluation, whose customers are in no
// other sum, so that each customer is in the training part of every run or in its evaluation
// (SE-11).
#pragma once

#include <span>

#include "dp/analysis/selection.h"
#include "dp/mechanism/distributed_gaussian.h"

namespace veilsum::dp {

// A run whose noise was verified.
struct VerifiedRun {
  RunPrivacyInput input;
  ClaimedNoise noise;
};

// Epsilon of one customer against those who see nothing but the chosen run's model and score, and
// neither K nor the other runs; by Renyi. Each of the K runs is one of `candidates`, by coins that
// do not depend on data. InvalidArgument: no candidate, different deltas, the rule, a run without
// noise.
absl::StatusOr<double> EpsilonOfSelection(std::span<const VerifiedRun> candidates,
                                          const RepeatRule& rule);

// Epsilon of one customer against coordinator and colluders, who see all of `runs`: all of them
// composed, by Renyi. Errors as above.
absl::StatusOr<double> EpsilonOfRuns(std::span<const VerifiedRun> runs);

}  // namespace veilsum::dp
