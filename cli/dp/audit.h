// `veilsum dp audit`: plays the one-run canary game (dp/audit) against the code that a merchant
// runs: Poisson coins, training engine with its clip, rounding, noise share. Canaries are customers
// of a synthetic task whose active inputs nobody else has, so that an adversary who sees every
// noisy sum knows where each would show; their gradients are longer than the clip norm. A run in
// which a defect more than doubles the loss is expected to be refuted, a correct one is not: the
// bound is loose, and a pass proves nothing.
#pragma once

#include <CLI/CLI.hpp>
#include <ostream>
#include <string>

#include "base/exit_code.h"
#include "base/secure_rng.h"
#include "dp/audit/canary_game.h"

namespace veilsum::cli {

// What is claimed.
struct AuditSetup {
  std::uint32_t canaries = 8000;
  std::uint64_t steps = 400;
  std::string sampling_rate = "1/100";
  double noise_multiplier = 0.9;
  double delta = 1e-6;
  double significance = 0.05;
};

// What runs; the shipped path has the defaults. Tests put defects in.
struct AuditedPath {
  double noise_factor = 1;  // of the noise's standard deviation
  double clip_factor = 1;   // of the clip norm
  bool samples = true;      // false: everybody who is in is in every step
};

struct AuditResult {
  double claimed_epsilon = 0;
  dp::AuditEvidence evidence;
  bool refuted() const { return evidence.epsilon_lower_bound > claimed_epsilon; }
};

// `coins` decides who is in and is sampled, `noise` gives the noise's keys. InvalidArgument naming
// the field: canaries from 400 to 2^20, steps from 1 to 10^5, and whatever the mechanism refuses.
absl::StatusOr<AuditResult> RunAudit(const AuditSetup& setup, const AuditedPath& path,
                                     SecureRng& coins, SecureRng& noise);

// Adds `audit` to `dp`. Plays three games; exit code kFindings when two of them refute the claim:
// each does so for a correct build with probability at most the significance.
void AddAuditCommand(CLI::App& dp, std::ostream& out, std::ostream& err, ExitCode& exit_code);

}  // namespace veilsum::cli
