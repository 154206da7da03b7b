// Carries a rollout out: what happened is stored, then told to the ledger, then the director acts;
// what takes a release away acts first and is told after. Each step can be repeated, so that a
// crash anywhere is mended by Settle.
#pragma once

#include <filesystem>
#include <functional>

#include "coordinator/rollout/reconcile.h"

namespace veilsum::coordinator {

// The gates of one look in canonical JSON, reals as decimals: what a transition was decided by. The
// ledger has its SHA-256.
std::string GateReportJson(const std::vector<GateResult>& gates);

struct ConductorParts {
  std::filesystem::path folder;  // has rollout.json; gates/<SHA-256>.json are written there
  std::vector<RolloutClient> clients;
  rollout::Repository* repository = nullptr;  // it and the signers must outlive the conductor
  const rollout::RoleSigners* signers = nullptr;
  // Writes one transition into the ledger; what is there already is OK. Empty: there is no ledger.
  std::function<absl::Status(const RolloutSpec& spec, const Transition& transition)> record;
};

class RolloutConductor {
 public:
  // A new rollout, stored. AlreadyExists: the folder has one.
  static absl::StatusOr<RolloutConductor> Begin(ConductorParts parts, const RolloutSpec& spec);
  // The one that is stored. Errors of LoadRollout.
  static absl::StatusOr<RolloutConductor> Open(ConductorParts parts);

  // Errors of Apply, and then nothing has changed; else those of Settle, and the event is stored.
  absl::Status Do(const RolloutEvent& event);
  // Tells the ledger what it does not know yet and makes the director say what the rollout wants.
  // Errors of `record`, Reconcile and WriteFile; call it again.
  absl::Status Settle(Seconds now);

  const Rollout& rollout() const { return rollout_; }

 private:
  RolloutConductor(ConductorParts parts, Rollout rollout)
      : parts_(std::move(parts)), rollout_(std::move(rollout)) {}
  absl::Status Save() const;
  absl::StatusOr<std::string> StoreGates(const RolloutEvent& event) const;
  absl::Status Tell();

  ConductorParts parts_;
  Rollout rollout_;
};

}  // namespace veilsum::coordinator
