// This merchant's bit on a release that it was given in a canary: drawn once a release and stage,
// after what it costs was charged, and the same whenever it is asked for again.
#pragma once

#include "base/secure_rng.h"
#include "client/policy/odometer.h"
#include "client/policy/policy.h"

namespace veilsum::client {

enum class VetoMode { kOff, kRandomised, kPlain };

struct VetoRules {
  VetoMode mode = VetoMode::kOff;
  std::uint32_t epsilon_millis = 1000;  // of a randomised bit; dp::kLeastResponseMillis to
                                        // dp::kMostResponseMillis
};

struct VetoQuestion {
  std::string release;      // digest
  std::string stage;        // canary
  bool objects = false;     // what this merchant found; nobody else learns it
  std::uint64_t epoch = 1;  // the data epoch that was open before its customers were chosen
};

// What was drawn on that release and stage before; none: nothing was.
absl::StatusOr<std::optional<KeptVote>> VoteKept(const VetoQuestion& question, Odometer& odometer);

// The bit to send. It is charged to the hold-out block of the question's epoch and is on disk
// as spent before it is drawn, and on disk as drawn before it is returned: after a crash in between
// it is charged and not yet known to anybody, so that it is drawn then. Of two processes that draw
// at once both return the bit that was kept first. A plain bit is charged nowhere
// and kept with epsilon 0. A block that no run has named gets the policy's budget. No bit:
// ResourceExhausted, the block cannot hold it; FailedPrecondition, the policy states no budget, the
// epoch is not open, or the rules say off; AlreadyExists, it was charged with another epsilon or in
// another epoch; errors of the odometer.
absl::StatusOr<KeptVote> Vote(const VetoQuestion& question, const VetoRules& rules,
                              const Policy& policy, Odometer& odometer, SecureRng& rng);

}  // namespace veilsum::client
