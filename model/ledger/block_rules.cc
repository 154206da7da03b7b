// The rule for a tenant's block: all its runs together, each at what it may still cost (I4).
#include "model/ledger/rules_support.h"

namespace veilsum::ledger {

// Each run at what it may still cost, or at what it has cost once it has ended. Evaluation is of
// customers who are in no other sum (SE-11).
absl::Status LedgerRules::FillBlock(dp::BudgetFilter& filter, const std::string& tenant,
                                    bool held_out) const {
  const std::uint32_t order = filter.budget().order;
  for (const auto& [name, run] : runs_) {
    const auto verdict = judged_->find(name);
    if (!run.reserved.contains(tenant) || verdict == judged_->end() || !verdict->second.ok())
      continue;
    const auto charged = run.charged.find(tenant);
    const model::AttemptsByPurpose spent =
        charged == run.charged.end() ? model::AttemptsByPurpose() : charged->second;
    const dp::RunPrivacyInput& input = verdict->second->input;
    const dp::ClaimedNoise& noise = verdict->second->noise;
    for (const model::SumSpec& sum : run.contract.sums) {
      if ((sum.purpose == model::kEvaluation) != held_out) continue;
      const bool trains = sum.purpose == model::kTrain;
      const std::uint64_t opened = held_out ? spent.evaluation
                                   : trains ? spent.training
                                            : spent.statistics;
      const std::uint64_t attempts = run.ended ? opened : sum.attempts_max;
      const dp::AttemptCharge charge =
          held_out ? dp::ChargeOfEvaluationAttempt(input, *noise.evaluation, order)
          : trains ? dp::ChargeOfTrainingAttempt(input, noise.training, order)
                   : dp::ChargeOfStatisticsAttempt(input, *noise.statistics, order);
      if (attempts != 0)
        VEILSUM_RETURN_IF_ERROR(filter.Apply(
            dp::Reserve{run.contract.run_id + "/" + name + "/" + sum.purpose, charge, attempts}));
    }
  }
  return absl::OkStatus();
}

void LedgerRules::CheckBlock(const std::string& tenant) {
  const auto policy = policies_.find(tenant);
  if (policy == policies_.end() || !policy->second.block) return;
  for (const bool held_out : {false, true}) {
    dp::BudgetFilter filter = dp::BudgetFilter::Create(*policy->second.block).value();
    const absl::Status fits = FillBlock(filter, tenant, held_out);
    if (!fits.ok()) return Find("P304", tenant + ": " + Message(fits));
  }
}

std::optional<dp::AttemptCharge> LedgerRules::BlockCharge(const std::string& tenant,
                                                          bool held_out) const {
  const auto policy = policies_.find(tenant);
  if (policy == policies_.end() || !policy->second.block) return std::nullopt;
  dp::BudgetFilter filter = dp::BudgetFilter::Create(*policy->second.block).value();
  (void)FillBlock(filter, tenant, held_out).ok();  // what does not fit is a finding already
  return filter.reserved();
}

}  // namespace veilsum::ledger
