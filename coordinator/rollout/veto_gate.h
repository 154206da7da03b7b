// How many merchants object to a release, from bits that are mostly told by randomised response.
// Pure. The answer is exact for every number of merchants: no normal approximation, and no matter
// which of them object.
#pragma once

#include <map>

#include "coordinator/rollout/gates.h"

namespace veilsum::coordinator {

// Merchants that stated one epsilon: how many voted, and how many of the bits that came are set.
struct VetoGroup {
  std::uint64_t votes = 0, raised = 0;
};
using VetoCounts = std::map<std::uint32_t, VetoGroup>;  // by thousandths of epsilon; 0: as it is

// How many of a group's votes are vetoes in truth, each bound wrong with probability alpha at most.
struct VetoRange {
  std::uint64_t low = 0, high = 0;
};
VetoRange VetoesOf(std::uint32_t epsilon_millis, const VetoGroup& group, double alpha);

// The share of those who voted that objects. A breach rolls back. Inconclusive without votes.
GateResult VetoGate(const VetoCounts& counts, const GateLimits& limits, std::uint32_t look);

}  // namespace veilsum::coordinator
