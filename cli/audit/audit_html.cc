#include "cli/audit/audit_html.h"

#include <algorithm>
#include <cmath>

#include "cli/audit/audit_report.h"
#include "cli/demo/report/svg/markup.h"
#include "cli/demo/report/svg/plot.h"

namespace veilsum::cli {
namespace {

constexpr std::string_view kStyle = R"css(
body { margin: 0; background: #f4f6fa; color: #1b2333; font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 980px; margin: 0 auto; padding: 32px 24px 56px; }
h1 { font-size: 26px; margin: 0 0 4px; } h2 { font-size: 18px; margin: 32px 0 10px; }
h3 { font-size: 15px; margin: 20px 0 6px; }
.lead { color: #556; margin: 0 0 18px; }
.verdict { display: inline-block; padding: 2px 14px; border-radius: 12px; font-weight: 600; background: #fbe9db; color: #8a1f0c; }
.verdict.passed { background: #dff1e4; color: #12602c; }
.panel, figure { background: #fff; border: 1px solid #e1e5ee; border-radius: 8px; padding: 8px 16px; margin: 10px 0; overflow-x: auto; }
figure { max-width: 560px; } figcaption { font-weight: 600; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; padding: 5px 12px 5px 0; vertical-align: top; }
tr + tr > * { border-top: 1px solid #edf0f5; } th { font-weight: 600; color: #445; }
td.n { text-align: right; font-variant-numeric: tabular-nums; }
code { font: 12.5px ui-monospace, monospace; overflow-wrap: anywhere; }
.failed { color: #8a1f0c; font-weight: 600; } .incomplete { color: #a14a0c; font-weight: 600; } .passed { color: #12602c; }
@media print { body { background: #fff; font-size: 10pt; } main { max-width: none; padding: 0; }
  .panel, figure { break-inside: avoid; } h2, h3 { break-after: avoid; } }
)css";

std::string Row(std::string_view name, const std::string& value) {
  return absl::StrFormat("<tr><th>%s</th><td>%s</td></tr>\n", Escaped(name), Escaped(value));
}
std::string Table(const std::string& rows) {
  return "<div class=\"panel\"><table>\n" + rows + "</table></div>\n";
}
std::string Cells(std::initializer_list<std::string> cells, const char* tag = "td") {
  std::string out = "<tr>";
  for (const std::string& cell : cells)
    out += absl::StrFormat("<%s>%s</%s>", tag, Escaped(cell), tag);
  return out + "</tr>\n";
}

std::string Steps(const Audit& audit) {
  std::string rows = Cells({"Step", "", "State", ""}, "th");
  for (const AuditStep& step : audit.steps)
    rows += absl::StrFormat("<tr><td>%d</td><td>%s</td><td class=\"%s\">%s</td><td>%s</td></tr>\n",
                            step.number, Escaped(step.name),
                            step.state == StepState::kNotClaimed ? "" : NameOf(step.state),
                            NameOf(step.state), Escaped(step.text));
  return Table(rows);
}

std::string Findings(const Audit& audit) {
  std::string out;
  if (!audit.findings.empty()) {
    std::string rows = Cells({"Code", "Entry", "What", "Details", "What to do"}, "th");
    for (const ledger::Finding& finding : audit.findings)
      for (const ledger::FindingKind& kind : ledger::FindingKinds())
        if (kind.code == finding.code)
          rows += Cells({finding.code, std::to_string(finding.leaf), std::string(kind.title),
                         finding.details, std::string(kind.remedy)});
    out += "<h2>Findings</h2>\n" + Table(rows);
  }
  if (!audit.missing.empty()) {
    std::string rows;
    for (const std::string& path : audit.missing) rows += Cells({path});
    out += "<h2>Missing evidence</h2>\n" + Table(rows);
  }
  return out;
}

std::string LossSvg(const AuditedRun& run, const TenantOfRun& tenant) {
  Points points = {{0, 0}};
  for (const LossPoint& point : tenant.curve)
    points.emplace_back(static_cast<double>(point.round), point.epsilon);
  const double last = std::max(1.0, points.back().first);
  LinePlot plot({.title = "epsilon over rounds", .x_label = "round", .y_label = "epsilon"},
                Axis::Exactly(0, last, 6),
                Axis(0, std::max(run.claim.epsilon, points.back().second), 5));
  plot.AddLine({{0, run.claim.epsilon}, {last, run.claim.epsilon}}, "guide");
  plot.AddLine(points, "a");
  return plot.Svg();
}

bool SameCurve(const TenantOfRun& a, const TenantOfRun& b) {
  return std::ranges::equal(a.curve, b.curve, [](const LossPoint& x, const LossPoint& y) {
    return x.round == y.round && x.epsilon == y.epsilon;
  });
}

// One plot for all tenants that were charged alike.
std::string Curves(const AuditedRun& run) {
  std::string out;
  std::vector<const TenantOfRun*> shown;
  for (const TenantOfRun& tenant : run.tenants) {
    if (tenant.curve.empty() || !std::isfinite(tenant.epsilon) ||
        std::ranges::any_of(shown, [&](const auto* other) { return SameCurve(*other, tenant); }))
      continue;
    shown.push_back(&tenant);
    std::string names;
    for (const TenantOfRun& other : run.tenants)
      if (SameCurve(other, tenant)) names += (names.empty() ? "" : ", ") + other.tenant;
    out += "<figure><figcaption>" + Escaped(names) + "</figcaption>" + LossSvg(run, tenant) +
           "</figure>\n";
  }
  return out;
}

std::string Run(const AuditedRun& run) {
  const dp::PrivacyStatement& statement = run.statement;
  std::string rows =
      Row("Contract", run.contract_hash) + Row("Plan", run.plan_name + ", " + run.plan_sha256) +
      Row("Protected unit", "one value of " + run.unit + " at one merchant, added or removed") +
      Row("Claim", absl::StrFormat("epsilon %s, delta %s", ShownLoss(run.claim.epsilon),
                                   RealText(run.claim.delta)));
  if (run.is_private)
    rows += Row("Recomputed at all attempts",
                absl::StrFormat("epsilon %s against the coordinator and %d members; %s against the "
                                "coordinator alone",
                                ShownLoss(statement.epsilon), run.colluders,
                                ShownLoss(statement.epsilon_coordinator))) +
            Row("Accountants", absl::StrFormat("Renyi %s; privacy-loss distribution %s; the plan "
                                               "names %s",
                                               ShownLoss(run.epsilon_rdp),
                                               ShownLoss(run.epsilon_pld), run.accountant)) +
            Row("A person at 2 or 3 merchants", ShownLoss(statement.epsilon_person[0]) + "; " +
                                                    ShownLoss(statement.epsilon_person[1])) +
            Row("Noise multiplier, sampling, clip norm",
                absl::StrFormat("%.6g; %s; %s", run.noise_multiplier, run.sampling_rate,
                                run.clip_norm));
  else
    rows += Row("Privacy", "none: no noise was added");
  rows +=
      Row("Members, fewest survivors", absl::StrFormat("%d; %d", run.members, run.min_survivors)) +
      Row("Rounds", absl::StrFormat("%d opened of %d reserved; %d committed, %d aborted%s",
                                    run.opened, run.attempts_max, run.committed, run.aborted,
                                    run.ended ? "" : "; not ended"));
  return "<h3>Run " + Escaped(run.run_id) + "</h3>\n" + Table(rows) + Curves(run);
}

std::string Tenants(const Audit& audit) {
  std::string rows =
      Cells({"Tenant", "Largest claim", "Its cap for a run", "Its block", "Receipts"}, "th");
  for (const AuditedTenant& tenant : audit.tenants) {
    std::string cap = "none recorded", block = "none recorded";
    if (tenant.policy) {
      cap = absl::StrFormat("epsilon %s, delta %s", ShownLoss(tenant.policy->cap.epsilon),
                            RealText(tenant.policy->cap.delta));
      if (tenant.policy->block)
        block = absl::StrFormat("epsilon %s at order %d, %.1f %% used or reserved",
                                ShownLoss(tenant.policy->block->epsilon),
                                tenant.policy->block->order, 100 * tenant.block_spent.value_or(0));
    }
    rows += Cells({tenant.tenant, ShownLoss(tenant.epsilon_claimed), cap, block,
                   absl::StrFormat("%d of %d charges", tenant.receipts, tenant.batches)});
  }
  return Table(rows);
}

std::string Models(const Audit& audit) {
  std::string rows = Cells({"Model", "Round", "Entry"}, "th");
  for (const auto& [hash, made] : audit.models)
    rows += Cells({hash, std::to_string(made.round), std::to_string(made.leaf)});
  return audit.models.empty() ? "" : "<h2>Models</h2>\n" + Table(rows);
}

std::string Releases(const Audit& audit) {
  std::string rows = Cells({"Entry", "Time", "Release", "What", "Approved by"}, "th");
  for (const ReleaseEvent& event : audit.releases) {
    std::string approvers;
    for (const std::string& name : event.approvers)
      approvers += (approvers.empty() ? "" : ", ") + name;
    rows += Cells({std::to_string(event.leaf), event.time, event.release.substr(0, 16), event.what,
                   approvers});
  }
  return audit.releases.empty() ? "" : "<h2>Releases and rollouts</h2>\n" + Table(rows);
}

std::string Disclosures(const Audit& audit) {
  std::string rows = Cells({"Tenant", "Hidden value", "Digest", "Entry"}, "th");
  for (const ledger::DisclosureCheck::Shown& shown : audit.disclosures)
    rows += Cells({shown.tenant, shown.field, HexEncode(shown.digest), std::to_string(shown.leaf)});
  return audit.disclosures.empty() ? "" : "<h2>Hidden values that were shown</h2>\n" + Table(rows);
}

}  // namespace

std::string AuditHtml(const Audit& audit) {
  const ExitCode code = audit.exit_code();
  const std::string verdict = code == ExitCode::kDone       ? "passed"
                              : code == ExitCode::kFindings ? "findings"
                                                            : "incomplete";
  std::string out =
      "<!DOCTYPE html>\n<html xmlns=\"http://www.w3.org/1999/xhtml\" lang=\"en\"><head>"
      "<meta charset=\"utf-8\"/><title>Audit of " +
      Escaped(audit.origin) + "</title>\n<style>" + std::string(kStyle) + std::string(kPlotStyle) +
      "</style></head><body><main>\n<h1>Audit of a privacy ledger</h1>\n<p class=\"lead\"><code>" +
      Escaped(audit.origin) + "</code></p>\n<p><span class=\"verdict " + verdict + "\">" + verdict +
      "</span></p>\n";
  out += Table(Row("Entries", std::to_string(audit.size)) + Row("Root", audit.root) +
               Row("Last entry", audit.last_time) +
               Row("Checkpoint", HexEncode(audit.checkpoint_sha256)) +
               Row("Trust policy", audit.own_trust ? "the bundle's own" : "from out of band"));
  out += "<h2>Steps</h2>\n" + Steps(audit) + Findings(audit);
  out += "<h2>Privacy of each run</h2>\n";
  for (const AuditedRun& run : audit.runs) out += Run(run);
  out +=
      "<h2>Tenants</h2>\n" + Tenants(audit) + Models(audit) + Releases(audit) + Disclosures(audit);
  out += "<h2>What a reader should know</h2>\n<ul>\n";
  for (const std::string& note : audit.notes) out += "<li>" + Escaped(note) + "</li>\n";
  return out +
         "</ul>\n<p>To run it again: <code>veilsum-audit verify --bundle BUNDLE --trust "
         "trust.policy --report FOLDER</code>; the same evidence gives the same files.</p>\n"
         "</main></body></html>\n";
}

}  // namespace veilsum::cli
