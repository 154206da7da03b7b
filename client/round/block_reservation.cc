#include "client/round/block_reservation.h"

#include "model/contract/round_schedule.h"

namespace veilsum::client {
namespace {

std::vector<SumCharge> SumsAt(const ApprovedRun& run, std::uint32_t order) {
  std::vector<SumCharge> sums;
  for (const model::SumSpec& sum : run.contract().sums)
    sums.push_back(
        {sum.purpose,
         sum.purpose == model::kTrain
             ? dp::ChargeOfTrainingAttempt(run.privacy_input(), run.noise().training, order)
             : dp::ChargeOfStatisticsAttempt(run.privacy_input(), *run.noise().statistics, order),
         sum.attempts_max});
  return sums;
}

std::vector<dp::Reserve> ReservesAt(const ApprovedRun& run, std::uint32_t order) {
  std::vector<dp::Reserve> reserves;
  for (const SumCharge& sum : SumsAt(run, order))
    reserves.push_back({sum.purpose, sum.per_attempt, sum.attempts});
  return reserves;
}

absl::StatusOr<dp::BlockBudget> NewBudget(const ApprovedRun& run, const Policy& policy) {
  const auto reserves = [&](std::uint32_t order) { return ReservesAt(run, order); };
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
                                          Odometer& odometer) {
  const absl::StatusOr<dp::BlockBudget> known = odometer.Budget(kTrainingBlock);
  if (absl::IsNotFound(known.status())) return NewBudget(run, policy);
  VEILSUM_RETURN_IF_ERROR(known.status());
  const bool stated = policy.block_epsilon != 0;
  if (stated && (policy.block_epsilon != known->epsilon || policy.block_delta != known->delta ||
                 (policy.block_order != 0 && policy.block_order != known->order)))
    return PermissionDenied(
        "the policy states epsilon %g at delta %g for block %s, but its budget was fixed at "
        "epsilon %g, delta %g, order %d when its first run was approved",
        policy.block_epsilon, policy.block_delta, kTrainingBlock, known->epsilon, known->delta,
        known->order);
  return *known;
}

absl::Status Reserve(const ApprovedRun& run, const Policy& policy, Odometer& odometer) {
  VEILSUM_ASSIGN_OR_RETURN(const dp::BlockBudget budget, BudgetFor(run, policy, odometer));
  return odometer.Approve(run.contract_hash(), model::AttemptsMax(run.contract()),
                          BlockCharge{kTrainingBlock, budget, SumsAt(run, budget.order)});
}

}  // namespace

absl::Status ReserveBudget(const ApprovedRun& run, const Policy& policy, Odometer& odometer) {
  if (!run.contract().is_private)
    return odometer.Approve(run.contract_hash(), model::AttemptsMax(run.contract()));
  return Annotate(Reserve(run, policy, odometer), "POLICY_BUDGET");
}

}  // namespace veilsum::client
