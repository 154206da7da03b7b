#include "client/round/block_reservation.h"

#include "model/contract/round_schedule.h"

namespace veilsum::client {
namespace {

// Which customers a sum is of: those that train, or those that are held out.
enum class Part { kTraining, kHoldout };

Part PartOf(const model::SumSpec& sum) {
  return sum.purpose == model::kEvaluation ? Part::kHoldout : Part::kTraining;
}

// The attempts of one sum, in parts of one price each.
std::vector<dp::PricedAttempts> PricesOf(const ApprovedRun& run, const model::SumSpec& sum,
                                         std::uint32_t order) {
  const dp::RunPrivacyInput& input = run.privacy_input();
  if (sum.purpose == model::kEvaluation)
    return {
        {dp::ChargeOfEvaluationAttempt(input, *run.noise().evaluation, order), sum.attempts_max}};
  if (sum.purpose == model::kStatistics)
    return {
        {dp::ChargeOfStatisticsAttempt(input, *run.noise().statistics, order), sum.attempts_max}};
  return dp::PricesOfTraining(input, run.noise().training, order);
}

std::vector<SumCharge> SumsAt(const ApprovedRun& run, Part part, std::uint32_t order) {
  std::vector<SumCharge> sums;
  for (const model::SumSpec& sum : run.contract().sums)
    if (PartOf(sum) == part)
      for (const dp::PricedAttempts& priced : PricesOf(run, sum, order)) {
        const bool again = !sums.empty() && sums.back().purpose == sum.purpose;
        sums.push_back(
            {again ? sum.purpose + "/later" : sum.purpose, priced.per_attempt, priced.attempts});
      }
  return sums;
}

std::vector<dp::Reserve> ReservesAt(const ApprovedRun& run, Part part, std::uint32_t order) {
  std::vector<dp::Reserve> reserves;
  for (const SumCharge& sum : SumsAt(run, part, order))
    reserves.push_back({sum.purpose, sum.per_attempt, sum.attempts});
  return reserves;
}

absl::StatusOr<dp::BlockBudget> NewBudget(const ApprovedRun& run, const Policy& policy, Part part) {
  const auto reserves = [&](std::uint32_t order) { return ReservesAt(run, part, order); };
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
absl::StatusOr<dp::BlockBudget> BudgetFor(const ApprovedRun& run, const Policy& policy, Part part,
                                          const std::string& block, Odometer& odometer) {
  const absl::StatusOr<dp::BlockBudget> known = odometer.Budget(block);
  if (absl::IsNotFound(known.status())) return NewBudget(run, policy, part);
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
  VEILSUM_ASSIGN_OR_RETURN(const std::vector<DataEpoch> epochs, odometer.Epochs());
  const std::uint64_t epoch = epochs.back().number;
  std::vector<BlockCharge> charges;  // in the order of their rounds: evaluation comes last
  for (const Part part : {Part::kTraining, Part::kHoldout}) {
    if (part == Part::kHoldout && !run.plan().evaluation) continue;
    const std::string block = part == Part::kTraining ? TrainingBlock(epoch) : HoldoutBlock(epoch);
    VEILSUM_ASSIGN_OR_RETURN(const dp::BlockBudget budget,
                             BudgetFor(run, policy, part, block, odometer));
    charges.push_back({block, budget, SumsAt(run, part, budget.order)});
  }
  return odometer.Approve(run.contract_hash(), model::AttemptsMax(run.contract()),
                          std::span<const BlockCharge>(charges));
}

}  // namespace

absl::Status ReserveBudget(const ApprovedRun& run, const Policy& policy, Odometer& odometer) {
  if (!run.contract().is_private)
    return odometer.Approve(run.contract_hash(), model::AttemptsMax(run.contract()));
  absl::Status reserved = Reserve(run, policy, odometer);
  // A vote of another process may have made the block after its budget was looked for.
  if (absl::IsInvalidArgument(reserved)) reserved = Reserve(run, policy, odometer);
  return Annotate(reserved, "POLICY_BUDGET");
}

}  // namespace veilsum::client
