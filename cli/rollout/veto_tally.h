// The merchants' votes on the present rollout, as the gate and the status see them.
#pragma once

#include "cli/rollout/rollout_folder.h"
#include "coordinator/rollout/rollout.h"
#include "coordinator/rollout/veto_gate.h"

namespace veilsum::cli {

// Of the rollout's clients. Errors of LoadVotes.
absl::StatusOr<coordinator::VetoCounts> VotesOn(const std::filesystem::path& folder,
                                                const StartedRollout& started,
                                                const coordinator::Rollout& rollout);
// As the next look would see it.
absl::StatusOr<coordinator::GateResult> GateOfVetoes(const std::filesystem::path& folder,
                                                     const StartedRollout& started,
                                                     const coordinator::Rollout& rollout);

}  // namespace veilsum::cli
