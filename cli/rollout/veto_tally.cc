#include "cli/rollout/veto_tally.h"

#include "coordinator/rollout/veto_vote.h"

namespace veilsum::cli {

absl::StatusOr<coordinator::VetoCounts> VotesOn(const std::filesystem::path& folder,
                                                const StartedRollout& started,
                                                const coordinator::Rollout& rollout) {
  VEILSUM_ASSIGN_OR_RETURN(const auto votes, coordinator::LoadVotes(folder, rollout.spec.digest));
  return CountsOf(votes, {started.clients.begin(), started.clients.end()});
}

absl::StatusOr<coordinator::GateResult> GateOfVetoes(const std::filesystem::path& folder,
                                                     const StartedRollout& started,
                                                     const coordinator::Rollout& rollout) {
  VEILSUM_ASSIGN_OR_RETURN(const coordinator::VetoCounts counts, VotesOn(folder, started, rollout));
  return coordinator::VetoGate(counts, {}, rollout.looks + 1);
}

}  // namespace veilsum::cli
