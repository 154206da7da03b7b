#include "cli/audit/run_teller.h"

#include "model/contract/round_schedule.h"
#include "model/plan/plan_format.h"

namespace veilsum::cli {

AuditedRun RunTeller::Tell(const std::string& name, const ledger::RegisteredRun& run,
                           const ledger::LedgerRules& rules) {
  AuditedRun out;
  out.contract_hash = name;
  out.run_id = run.contract.run_id;
  out.plan_sha256 = HexEncode(run.contract.plan_sha256);
  out.is_private = run.contract.is_private;
  out.ended = run.ended;
  out.claim = run.claim;
  out.attempts_max = model::AttemptsMax(run.contract);
  out.opened = run.opened;
  out.committed = run.committed;
  out.aborted = run.aborted;
  for (const model::Cohort& cohort : run.contract.cohorts) {
    out.members += cohort.members.size();
    out.colluders = std::max<std::uint64_t>(out.colluders, cohort.colluders);
    out.min_survivors = std::max<std::uint64_t>(out.min_survivors, cohort.min_survivors);
  }
  const absl::StatusOr<std::string> text = blobs_(run.contract.plan_sha256);
  const auto plan =
      text.ok() ? model::PlanFromJson(*text) : absl::StatusOr<model::Plan>(text.status());
  if (plan.ok()) {
    out.plan_name = plan->name;
    const bool merchants = plan->training.mode == model::Mode::kMerchant;
    out.unit = merchants ? "merchant" : plan->unit.column;
    out.clip_norm = model::DecimalText(plan->training.clip_norm);
    out.sampling_rate = merchants ? "1" : plan->training.sampling_rate.ToString();
  }
  const model::CheckedPrivacy* privacy = rules.PrivacyOf(name);
  if (privacy == nullptr) return out;  // a finding already
  out.statement = privacy->statement;
  out.noise_multiplier = privacy->noise.training.noise_multiplier;
  AddAccountants(*privacy, out);
  for (const auto& [tenant, charged] : run.charged) out.tenants.push_back({tenant, charged, 0, {}});
  AddCurves(*privacy, out);
  return out;
}

// By both accountants, whichever the plan names.
void RunTeller::AddAccountants(const model::CheckedPrivacy& privacy, AuditedRun& out) {
  const bool by_pld = privacy.input.accountant == dp::AccountantKind::kPld;
  out.accountant = std::string(dp::NameOf(privacy.input.accountant));
  out.epsilon_rdp = by_pld ? privacy.statement.epsilon_rdp : privacy.statement.epsilon;
  out.epsilon_pld =
      by_pld ? privacy.statement.epsilon : second_->EpsilonOf(out.contract_hash, privacy);
}

void RunTeller::AddCurves(const model::CheckedPrivacy& privacy, AuditedRun& out) {
  const absl::StatusOr<dp::EpsilonMeter> meter = dp::EpsilonMeter::Create(
      privacy.input, {out.is_private, privacy.noise.training, privacy.noise.statistics,
                      privacy.statement, privacy.noise.evaluation});
  if (!meter.ok()) return;
  const auto loss = [&](const model::AttemptsByPurpose& attempts) {
    return meter->After(attempts.statistics, attempts.training, attempts.evaluation);
  };
  for (TenantOfRun& tenant : out.tenants) {
    tenant.epsilon = loss(tenant.charged);
    for (const ChargeStory::Charge& charge : story_->CurveOf(out.contract_hash, tenant.tenant))
      tenant.curve.push_back({charge.round, loss(charge.attempts)});
  }
}

}  // namespace veilsum::cli
