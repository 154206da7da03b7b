#include "client/policy/veto.h"

#include "client/policy/blocks.h"
#include "dp/mechanism/randomised_response.h"

namespace veilsum::client {
namespace {

Hash32 ContractOf(const VetoQuestion& question) {
  Transcript transcript("veilsum/client/veto/v1");
  transcript.AddU32(static_cast<std::uint32_t>(question.release.size())).AddText(question.release);
  return transcript.AddText(question.stage).Sha256();
}

absl::StatusOr<dp::BlockBudget> BudgetOf(const std::string& block, const Policy& policy,
                                         std::uint32_t epsilon_millis, Odometer& odometer) {
  const absl::StatusOr<dp::BlockBudget> known = odometer.Budget(block);
  if (!absl::IsNotFound(known.status())) return known;
  // The smallest that holds one bit would hold no evaluation ever after.
  if (policy.block_epsilon == 0)
    return FailedPrecondition("no run has named block %s, and the policy states no block_epsilon",
                              block);
  dp::BlockBudget budget{policy.block_epsilon, policy.block_delta,
                         static_cast<std::uint32_t>(policy.block_order)};
  if (budget.order == 0) {
    VEILSUM_ASSIGN_OR_RETURN(
        budget.order, dp::OrderForRuns(budget.epsilon, budget.delta, [&](std::uint32_t order) {
          return std::vector<dp::Reserve>{{"veto", dp::ChargeOfResponse(epsilon_millis, order), 1}};
        }));
  }
  return budget;
}

// Durable when it returns. What was charged before, by a process that then died, is enough.
absl::Status Charge(const VetoQuestion& question, const VetoRules& rules, const Policy& policy,
                    Odometer& odometer) {
  BlockCharge charge;
  charge.block = HoldoutBlock(question.epoch);
  VEILSUM_ASSIGN_OR_RETURN(charge.budget,
                           BudgetOf(charge.block, policy, rules.epsilon_millis, odometer));
  charge.sums = {{"veto", dp::ChargeOfResponse(rules.epsilon_millis, charge.budget.order), 1}};
  const Hash32 contract = ContractOf(question);
  VEILSUM_RETURN_IF_ERROR(odometer.Approve(contract, 1, charge));
  VEILSUM_ASSIGN_OR_RETURN(const std::uint64_t spent, odometer.SpentThrough(contract));
  if (spent != 0) return absl::OkStatus();
  absl::Status charged = odometer.Spend(contract, 1, 1);
  if (absl::IsFailedPrecondition(charged)) return absl::OkStatus();  // by another process just then
  return charged;
}

}  // namespace

absl::StatusOr<std::optional<KeptVote>> VoteKept(const VetoQuestion& question, Odometer& odometer) {
  VEILSUM_ASSIGN_OR_RETURN(const std::vector<KeptVote> votes, odometer.Votes());
  for (const KeptVote& kept : votes)
    if (kept.release == question.release && kept.stage == question.stage) return kept;
  return std::nullopt;
}

absl::StatusOr<KeptVote> Vote(const VetoQuestion& question, const VetoRules& rules,
                              const Policy& policy, Odometer& odometer, SecureRng& rng) {
  if (rules.mode == VetoMode::kOff) return FailedPrecondition("this merchant does not vote");
  VEILSUM_ASSIGN_OR_RETURN(const std::optional<KeptVote> kept, VoteKept(question, odometer));
  if (kept) return *kept;
  KeptVote vote{question.release, question.stage, question.objects, 0};
  if (rules.mode == VetoMode::kRandomised) {
    VEILSUM_RETURN_IF_ERROR(Charge(question, rules, policy, odometer));
    vote.epsilon_millis = rules.epsilon_millis;
    vote.bit = dp::RandomisedResponse(question.objects, rules.epsilon_millis, rng);
  }
  const absl::Status status = odometer.KeepVote(vote);
  if (status.ok()) return vote;
  if (!absl::IsAlreadyExists(status)) return status;
  // Another process was first: its bit is the one, and nobody has seen ours.
  VEILSUM_ASSIGN_OR_RETURN(const std::optional<KeptVote> first, VoteKept(question, odometer));
  if (!first) return Internal("a vote on release %s was kept and is gone", question.release);
  return *first;
}

}  // namespace veilsum::client
