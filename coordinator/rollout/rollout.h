// A release on its way to everybody, as a pure function: no clock, no disk, no network.
//   draft -> validated -> shadow -> canary(k) -> stable
//   draft .. canary -> paused -> where it was; draft .. stable, paused -> rolled_back or revoked
// The caller stores `next` before it acts on it, and acts by making the world what Desired says:
// that can be done again after a crash, as often as one likes.
#pragma once

#include <set>
#include <string>
#include <variant>
#include <vector>

#include "base/canonical_json.h"
#include "coordinator/rollout/gates.h"

namespace veilsum::coordinator {

using Seconds = std::int64_t;

enum class Stage { kDraft, kValidated, kShadow, kCanary, kStable, kPaused, kRolledBack, kRevoked };
std::string_view StageName(Stage stage);

struct CanaryStep {
  std::uint32_t percent = 0;
  Seconds bake = 0;
};

struct RolloutSpec {
  std::string rollout_id, model_id;
  std::string digest;    // of the release
  std::string baseline;  // of the one that serves; empty: none
  Seconds shadow = 24 * 3600;
  std::vector<CanaryStep> steps = {{1, 4 * 3600}, {5, 12 * 3600}, {25, 24 * 3600}, {50, 24 * 3600}};
  std::uint32_t failure_limit = 1;  // breaches of a gate of rollback before it is done
  std::uint32_t success_limit = 1;  // passes in a row before a step ends
  std::uint32_t approvals_stable = 2, approvals_revoke = 2;
};

// A line for the ledger.
struct Transition {
  Stage from = Stage::kDraft, to = Stage::kDraft;
  std::uint32_t percent = 0;
  std::string reason;
  std::string gate_report;  // SHA-256 in hex of what it was decided by, or empty
};

struct Rollout {
  RolloutSpec spec;
  Stage stage = Stage::kDraft;
  Stage resumes = Stage::kDraft;  // of a pause
  std::uint32_t step = 0;         // of spec.steps, in canary
  Seconds entered = 0;
  std::uint32_t looks = 0, failures = 0, successes = 0;
  std::uint64_t term = 0;  // of the leader that wrote it last
  std::set<std::string> approved_stable, approved_revoke;
  std::vector<std::string> events;  // ids that were applied, the last 256
  std::string reason;               // of the last transition
  std::vector<Transition> untold;   // that the ledger does not know of yet; Apply leaves it alone
};

// Everything that happens has an id, so that what comes twice counts once, and the leader's term,
// so that one who was replaced changes nothing.
struct EventHead {
  std::string id;
  std::uint64_t term = 0;
  Seconds now = 0;
};
struct Validated : EventHead {
  std::vector<GateResult> gates;  // offline; may be empty for a first release
};
struct Looked : EventHead {
  std::vector<GateResult> gates;
};
struct Approved : EventHead {
  std::string who;
  bool revoke = false;  // else: stable
};
struct PausedByHand : EventHead {
  std::string who;
};
struct Resumed : EventHead {
  std::string who;
};
struct RolledBackByHand : EventHead {
  std::string who;
};
struct RevokeAsked : EventHead {  // takes effect with its approvals
  std::string who, reason;
};
using RolloutEvent =
    std::variant<Validated, Looked, Approved, PausedByHand, Resumed, RolledBackByHand, RevokeAsked>;

struct RolloutStep {
  Rollout next;
  std::vector<Transition> transitions;
};

// Aborted: an older term. FailedPrecondition: not in this stage. An id that was applied before
// changes nothing.
absl::StatusOr<RolloutStep> Apply(Rollout rollout, const RolloutEvent& event);

// What the world should be.
struct Desired {
  std::uint32_t percent = 0;  // of the clients that are to have spec.digest; others: baseline
  bool shadow = false;        // it scores beside and decides nothing
  bool back = false;          // who has it gets the baseline as a roll back
  bool revoked = false;
};
Desired DesiredOf(const Rollout& rollout);

std::string RolloutJson(const Rollout& rollout);
// DataLoss: not what RolloutJson writes.
absl::StatusOr<Rollout> ParseRollout(std::string_view json);

}  // namespace veilsum::coordinator
