#include "cli/audit/audit_report.h"

#include <charconv>
#include <cmath>

#include "base/tlog/in_toto.h"

namespace veilsum::cli {
namespace {

std::string_view RemedyOf(std::string_view code) {
  for (const ledger::FindingKind& kind : ledger::FindingKinds())
    if (kind.code == code) return kind.remedy;
  return "";
}
std::string_view TitleOf(std::string_view code) {
  for (const ledger::FindingKind& kind : ledger::FindingKinds())
    if (kind.code == code) return kind.title;
  return "";
}

// Text of the evidence that may not be UTF-8 is shown, not believed.
std::string Legible(std::string_view text) {
  const Json value = std::string(text);
  const std::string quoted = value.dump(-1, ' ', false, Json::error_handler_t::replace);
  return Json::parse(quoted).get<std::string>();
}

Json AttemptsJson(const model::AttemptsByPurpose& attempts) {
  return {{"evaluation", attempts.evaluation},
          {"statistics", attempts.statistics},
          {"train", attempts.training}};
}

Json RunJson(const AuditedRun& run) {
  Json tenants = Json::array();
  for (const TenantOfRun& tenant : run.tenants) {
    Json curve = Json::array();
    for (const LossPoint& point : tenant.curve)
      curve.push_back({{"epsilon", RealText(point.epsilon)}, {"round", point.round}});
    tenants.push_back({{"charged", AttemptsJson(tenant.charged)},
                       {"curve", curve},
                       {"epsilon", RealText(tenant.epsilon)},
                       {"tenant", Legible(tenant.tenant)}});
  }
  const dp::PrivacyStatement& statement = run.statement;
  return {
      {"aborted", run.aborted},
      {"accountant", run.accountant},
      {"attempts_max", run.attempts_max},
      {"claim", {{"delta", RealText(run.claim.delta)}, {"epsilon", RealText(run.claim.epsilon)}}},
      {"clip_norm", run.clip_norm},
      {"colluders", run.colluders},
      {"committed", run.committed},
      {"contract_hash", Legible(run.contract_hash)},
      {"delta_slack", RealText(statement.delta_slack)},
      {"ended", run.ended},
      {"epsilon", RealText(statement.epsilon)},
      {"epsilon_coordinator", RealText(statement.epsilon_coordinator)},
      {"epsilon_filter", RealText(statement.epsilon_filter)},
      {"epsilon_person_2", RealText(statement.epsilon_person[0])},
      {"epsilon_person_3", RealText(statement.epsilon_person[1])},
      {"epsilon_pld", RealText(run.epsilon_pld)},
      {"epsilon_rdp", RealText(run.epsilon_rdp)},
      {"members", run.members},
      {"min_survivors", run.min_survivors},
      {"noise_multiplier", RealText(run.noise_multiplier)},
      {"opened", run.opened},
      {"plan_name", run.plan_name},
      {"plan_sha256", run.plan_sha256},
      {"private", run.is_private},
      {"run_id", run.run_id},
      {"sampling_rate", run.sampling_rate},
      {"tenants", tenants},
      {"unit", run.unit}};
}

Json TenantJson(const AuditedTenant& tenant) {
  Json out = {{"batches", tenant.batches},
              {"epsilon_claimed", RealText(tenant.epsilon_claimed)},
              {"receipts", tenant.receipts},
              {"tenant", Legible(tenant.tenant)}};
  if (tenant.data) {
    out["n_upper"] = tenant.data->persons_at_most;
    out["overlap_bound"] = tenant.data->overlap_bound;
  }
  if (!tenant.policy) return out;
  out["delta_cap"] = RealText(tenant.policy->cap.delta);
  out["epsilon_cap"] = RealText(tenant.policy->cap.epsilon);
  if (const auto& block = tenant.policy->block)
    out["block"] = {{"delta", RealText(block->delta)},
                    {"epsilon", RealText(block->epsilon)},
                    {"order", block->order},
                    {"used", RealText(tenant.block_spent.value_or(0))}};
  return out;
}

Json TextsJson(const std::vector<std::string>& texts) {
  Json out = Json::array();
  for (const std::string& text : texts) out.push_back(Legible(text));
  return out;
}

std::string Verdict(const Audit& audit) {
  switch (audit.exit_code()) {
    case ExitCode::kDone:
      return "passed";
    case ExitCode::kFindings:
      return "findings";
    default:
      return "incomplete";
  }
}

// What a step that passed lets others rely on.
std::string_view PropertyOf(int step) {
  constexpr std::string_view kProperties[] = {"",
                                              "VEILSUM_TRUST_ANCHORED",
                                              "VEILSUM_EVIDENCE_READABLE",
                                              "VEILSUM_LEDGER_CONSISTENT",
                                              "VEILSUM_ENTRIES_VALID",
                                              "VEILSUM_BUDGET_WITHIN_CAP",
                                              "VEILSUM_RECEIPTS_COMPLETE",
                                              "VEILSUM_MODEL_LINEAGE"};
  return step <= 7 ? kProperties[step] : "";
}

}  // namespace

std::string RealText(double value) {
  if (std::isinf(value)) return "inf";
  if (std::isnan(value)) return "nan";
  std::array<char, 400> text;
  const auto [end, error] =
      std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  VEILSUM_CHECK(error == std::errc());
  return std::string(text.data(), end);
}

std::string ShownLoss(double epsilon) {
  if (!std::isfinite(epsilon)) return "none";
  if (epsilon <= 0) return "0";
  const double unit = std::pow(10, std::floor(std::log10(epsilon)) - 5);
  const double up = std::ceil(epsilon / unit * (1 - 1e-12)) * unit;
  return absl::StrFormat("%.6g", up);
}

std::string AuditJson(const Audit& audit) {
  Json findings = Json::array(), steps = Json::array(), runs = Json::array(),
       tenants = Json::array(), models = Json::array(), trust = Json::array(),
       disclosures = Json::array();
  for (const ledger::Finding& finding : audit.findings)
    findings.push_back({{"code", finding.code},
                        {"details", Legible(finding.details)},
                        {"leaf", finding.leaf},
                        {"remedy", RemedyOf(finding.code)},
                        {"title", TitleOf(finding.code)}});
  for (const AuditStep& step : audit.steps)
    steps.push_back({{"name", step.name},
                     {"number", step.number},
                     {"state", NameOf(step.state)},
                     {"text", step.text}});
  for (const AuditedRun& run : audit.runs) runs.push_back(RunJson(run));
  for (const AuditedTenant& tenant : audit.tenants) tenants.push_back(TenantJson(tenant));
  for (const auto& [hash, made] : audit.models)
    models.push_back({{"contract_hash", made.contract_hash},
                      {"leaf", made.leaf},
                      {"model_sha256", hash},
                      {"round", made.round}});
  for (const Hash32& hash : audit.trust_sha256) trust.push_back(HexEncode(hash));
  for (const ledger::DisclosureCheck::Shown& shown : audit.disclosures)
    disclosures.push_back({{"digest", HexEncode(shown.digest)},
                           {"field", shown.field},
                           {"leaf", shown.leaf},
                           {"tenant", shown.tenant}});
  Json releases = Json::array();
  for (const ReleaseEvent& event : audit.releases) {
    Json approvers = Json::array();
    for (const std::string& name : event.approvers) approvers.push_back(Legible(name));
    releases.push_back({{"approvers", approvers},
                        {"leaf", event.leaf},
                        {"release_sha256", Legible(event.release)},
                        {"time", Legible(event.time)},
                        {"what", Legible(event.what)}});
  }
  const Json report = {{"disclosures", disclosures},
                       {"exit_code", static_cast<int>(audit.exit_code())},
                       {"findings", findings},
                       {"ledger",
                        {{"checkpoint_sha256", HexEncode(audit.checkpoint_sha256)},
                         {"federation", Legible(audit.federation)},
                         {"last_time", audit.last_time},
                         {"origin", audit.origin},
                         {"root", audit.root},
                         {"size", audit.size}}},
                       {"missing", TextsJson(audit.missing)},
                       {"models", models},
                       {"releases", releases},
                       {"notes", TextsJson(audit.notes)},
                       {"runs", runs},
                       {"schema", kAuditSchema},
                       {"silent_members", TextsJson(audit.silent)},
                       {"steps", steps},
                       {"tenants", tenants},
                       {"trust", {{"from_bundle", audit.own_trust}, {"policy_sha256", trust}}},
                       {"verdict", Verdict(audit)}};
  return EncodeCanonical(report).value();
}

std::string AuditResultJson(const Audit& audit, const std::string& version,
                            const std::string& time) {
  Json properties = Json::array(), policies = Json::array();
  for (const AuditStep& step : audit.steps)
    if (step.state == StepState::kPassed && !PropertyOf(step.number).empty())
      properties.push_back(PropertyOf(step.number));
  if (audit.exit_code() == ExitCode::kDone) properties.push_back("VEILSUM_AUDIT_PASSED");
  for (const Hash32& hash : audit.trust_sha256)
    policies.push_back({{"digest", {{"sha256", HexEncode(hash)}}}, {"name", "trust.policy"}});
  const Json statement = {
      {"_type", tlog::kInTotoStatementType},
      {"predicateType", "https://in-toto.io/attestation/svr/v0.2"},
      {"predicate",
       {{"properties", properties},
        {"timeCreated", time},
        {"verifier", {{"id", "urn:veilsum:audit:" + version}, {"policies", policies}}}}},
      {"subject",
       {{{"digest", {{"sha256", HexEncode(audit.checkpoint_sha256)}}},
         {"name", audit.origin + "/checkpoint"}}}}};
  return statement.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string SignedAuditResult(const std::string& statement, const Ed25519Signer& signer) {
  tlog::Envelope envelope;
  envelope.payload_type = tlog::kInTotoPayloadType;
  envelope.payload.assign(statement.begin(), statement.end());
  envelope.Sign(HexEncode(signer.public_key()), signer);
  return envelope.ToJson();
}

std::string AuditSummary(const Audit& audit) {
  std::string out = absl::StrFormat("Ledger %s: %d entries, root %s\n", Legible(audit.origin),
                                    audit.size, audit.root.substr(0, 16));
  for (const AuditStep& step : audit.steps)
    out += absl::StrFormat("  %2d %-16s %-11s %s\n", step.number, step.name, NameOf(step.state),
                           step.number <= 7 ? step.text : "");
  for (const AuditedRun& run : audit.runs)
    out += absl::StrFormat(
        "Run %s (plan %s): epsilon %s at delta %g claimed %s; %d of %d rounds opened, %d "
        "committed, %d aborted; Renyi %s, privacy-loss distribution %s\n",
        run.run_id, run.plan_name, ShownLoss(run.statement.epsilon), run.claim.delta,
        ShownLoss(run.claim.epsilon), run.opened, run.attempts_max, run.committed, run.aborted,
        ShownLoss(run.epsilon_rdp), ShownLoss(run.epsilon_pld));
  constexpr std::size_t kShown = 20;
  for (std::size_t i = 0; i < std::min(kShown, audit.findings.size()); ++i) {
    const ledger::Finding& finding = audit.findings[i];
    out += absl::StrFormat("FINDING %s at entry %d: %s: %s\n", finding.code, finding.leaf,
                           TitleOf(finding.code), Legible(finding.details));
  }
  if (audit.findings.size() > kShown)
    out += absl::StrFormat("... and %d more findings\n", audit.findings.size() - kShown);
  for (const std::string& path : audit.missing) out += "MISSING " + Legible(path) + "\n";
  for (const std::string& note : audit.notes) out += "Note: " + Legible(note) + "\n";
  return out + "Verdict: " + Verdict(audit) + "\n";
}

}  // namespace veilsum::cli
