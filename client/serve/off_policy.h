// What a policy would earn, from decisions that another one took with known probabilities
// (propensities). Per-decision importance sampling, normalised by the weights of each decision's
// place (Precup, Sutton and Singh 2000, ICML, section 3), and the doubly robust estimate of
// sequences (Jiang and Li 2016, ICML, equation 10; Dudik, Langford and Li 2011 where a sequence has
// one decision). Exact numbers: only where the rows are at home.
#pragma once

#include <span>
#include <vector>

#include "base/status.h"

namespace veilsum::client {

// One logged decision.
struct Decision {
  std::size_t action = 0;      // that was taken
  double reward = 0;           // that followed
  double propensity = 0;       // of the action under the policy that took it, in (0, 1]
  std::vector<double> policy;  // of each action under the policy in question, a distribution
  std::vector<double>
      values;  // of each action: a model's guess of its value, what follows included
};
using Episode = std::vector<Decision>;  // in order; of one customer

struct PolicyEstimate {
  double value = 0, error = 0;  // expected discounted sum of an episode's rewards; standard error
};
struct OffPolicy {
  std::size_t episodes = 0, decisions = 0;
  PolicyEstimate logged;           // what the log's own policy earned
  PolicyEstimate self_normalised;  // needs no model; few effective episodes make it uncertain
  PolicyEstimate doubly_robust;    // unbiased when propensities are right, whatever the model
  PolicyEstimate direct;           // the model's own guess: biased where the model is
  double effective_episodes = 0;   // (sum w)^2 / sum w^2 over the weights of whole episodes
};

// discount in [0, 1). With 0 every decision is an episode of its own. InvalidArgument: no
// decisions, a propensity not in (0, 1], an action that there is not, distributions that do not sum
// to 1.
absl::StatusOr<OffPolicy> EvaluatePolicy(std::vector<Episode> episodes, double discount);

// The policy that takes the best action (of equals the first), but with probability `explore` any
// alike.
std::vector<double> GreedyPolicy(std::span<const double> values, double explore);

}  // namespace veilsum::client
