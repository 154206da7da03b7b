#include "client/round/block_reservation.h"

#include "model/contract/round_schedule.h"

namespace veilsum::client {
namespace {

std::string_view BlockOf(const model::SumSpec& sum) {
  return sum.purpose == model::kEvaluation ? kHoldoutBlock : kTrainingBlock;
}

dp::AttemptCharge ChargeOf(const ApprovedRun& run, const model::SumSpec& sum, std::uint32_t order) {
  const dp::RunPrivacyInput& input = run.privacy_input();
  if (sum.purpose == model::kEvaluation)
    return dp::ChargeOfEvaluationAttempt(input, *run.noise().evaluation, order);
  if (sum.purpose == model::kStatistics)
    return dp::ChargeOfStatisticsAttempt(input, *run.noise().statistics, order);
  return dp::ChargeOfTrainingAttempt(input, run.noise().training, order);
}

std::vector<SumCharge> SumsAt(const ApprovedRun& run, std::string_view block, std::uint32_t order) {
  std::vector<SumCharge> sums;
  for (const model::SumSpec& sum : run.contract().sums)
    if (BlockOf(sum) == block)
      sums.push_back({sum.purpose, ChargeOf(run, sum, order), sum.attempts_max});
  return sums;
}

std::vector<dp::Reserve> ReservesAt(const ApprovedRun& run, std::string_view block,
                                    std::uint32_t order) {
  std::vector<dp::Reserve> reserves;
  for (const SumCharge& sum : SumsAt(run, block, order))
    reserves.push_back({sum.purpose, sum.per_attempt, sum.attempts});
  return reserves;
}

absl::StatusOr<dp::BlockBudget> NewBudget(const ApprovedRun& run, const Policy& policy,
                                          std::string_view block) {
  const auto reserves = [&](std::uint32_t order) { return ReservesAt(run, block, order); };
  if (policy.block_epsilon == 0) return dp::SmallestBudget(run.privacy().delta, reserves);
  dp::BlockBudget budget{policy.block_epsilon, policy.block_delta,
                         static_cast<std::uint32_t>(policy.block_order)};
  if (budget.order == 0) {
    VEILSUM_ASSIGN_OR_RETURN(budget.order,
                             dp::OrderForRuns(budget.epsilon, budget.delta, reserves));
  }
  return budget;
}

// An existing block keeps its budget: it was fixed before the first output was seen.
absl::StatusOr<dp::BlockBudget> BudgetFor(const ApprovedRun& run, const Policy& policy,
                                          std::string_view block, Odometer& odometer) {
  const absl::StatusOr<dp::BlockBudget> known = odometer.Budget(std::string(block));
  if (absl::IsNotFound(known.status())) return NewBudget(run, policy, block);
  VEILSUM_RETURN_IF_ERROR(known.status());
  const bool stated = policy.block_epsilon != 0;
  if (stated && (policy.block_epsilon != known->epsilon || policy.block_delta != known->delta ||
                 (policy.block_order != 0 && policy.block_order != known->order)))
    return PermissionDenied(
        "the policy states epsilon %g at delta %g for block %s, but its budget was fixed at "
        "epsilon %g, delta %g, order %d when its first run was approved",
        policy.block_epsilon, policy.block_delta, block, known->epsilon, known->delta,
        known->order);
  return *known;
}

absl::Status Reserve(const ApprovedRun& run, const Policy& policy, Odometer& odometer) {
  std::vector<BlockCharge> charges;  // in the order of their rounds: evaluation comes last
  for (const std::string_view block : {kTrainingBlock, kHoldoutBlock}) {
    if (block == kHoldoutBlock && !run.plan().evaluation) continue;
    VEILSUM_ASSIGN_OR_RETURN(const dp::BlockBudget budget, BudgetFor(run, policy, block, odometer));
    charges.push_back({std::string(block), budget, SumsAt(run, block, budget.order)});
  }
  return odometer.Approve(run.contract_hash(), model::AttemptsMax(run.contract()),
                          std::span<const BlockCharge>(charges));
}

}  // namespace

absl::Status ReserveBudget(const ApprovedRun& run, const Policy& policy, Odometer& odometer) {
  if (!run.contract().is_private)
    return odometer.Approve(run.contract_hash(), model::AttemptsMax(run.contract()));
  return Annotate(Reserve(run, policy, odometer), "POLICY_BUDGET");
}

}  // namespace veilsum::client
