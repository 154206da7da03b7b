// Makes a repository's director say what a rollout wants, and keeps the rollout on disk.
#pragma once

#include <filesystem>

#include "coordinator/rollout/rollout.h"
#include "model/rollout/repository.h"

namespace veilsum::coordinator {

struct RolloutClient {
  std::string id;     // SPIFFE
  bool veto = false;  // its merchant stays on the baseline
};

// Assigns what differs, each with a higher metadata version, and revokes if that is wanted; doing
// it twice does nothing the second time but renew what is past half of its life. Clients that are
// to have nothing, without a baseline, are left alone. `signers`: director; for a revocation also
// targets, snapshot and timestamp.
absl::Status Reconcile(const Rollout& rollout, const std::vector<RolloutClient>& clients,
                       rollout::Repository& repository, const rollout::RoleSigners& signers,
                       Seconds now);

// One rollout in one file.
absl::Status SaveRollout(const Rollout& rollout, const std::filesystem::path& file);
absl::StatusOr<Rollout> LoadRollout(const std::filesystem::path& file);

}  // namespace veilsum::coordinator
