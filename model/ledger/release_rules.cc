// Models that leave a federation: releases, their revocation, and how far a rollout has come (I7).
#include <algorithm>

#include "model/ledger/approvals.h"
#include "model/ledger/rules_support.h"

namespace veilsum::ledger {
namespace {

constexpr std::string_view kStages[] = {"draft",  "validated", "shadow",      "canary",
                                        "stable", "paused",    "rolled_back", "revoked"};

bool IsStage(const std::string& stage) { return std::ranges::count(kStages, stage) != 0; }

}  // namespace

void LedgerRules::OnReleasePublished(const Entry& entry) {
  Json body = entry.body;
  Fields fields(body);
  const RegisteredRun* run = RunOf(fields);
  PublishedRelease release;
  release.model_id = fields.Text("model_id");
  release.counter = fields.Int("release_counter");
  release.model_sha256 = HexEncode(fields.Hex<32>("model_sha256"));
  const std::string digest = HexEncode(fields.Hex<32>("release_sha256"));
  fields.Hex<32>("manifest_sha256");
  fields.Text("version");
  if (!fields.Done().ok()) return Find("E103", Message(fields.status()));
  if (run == nullptr) return;
  if (releases_.contains(digest)) return Find("S208", digest + " is published already");
  if (!run->contract.is_private)
    Find("P308", digest + " is of a run without noise, of which nothing is released");
  if (run->last_model != release.model_sha256)
    Find("M503",
         absl::StrFormat("%s has the model %s, its run has last made %s", digest,
                         release.model_sha256, run->last_model.empty() ? "none" : run->last_model));
  std::uint64_t newest = 0;
  if (const auto known = counters_.find(release.model_id); known != counters_.end())
    newest = known->second;
  if (release.counter <= newest)
    Find("S208",
         absl::StrFormat("release %d of %s after %d", release.counter, release.model_id, newest));
  Set(&LedgerRules::counters_, release.model_id, std::max(newest, release.counter));
  Set(&LedgerRules::releases_, digest, release);
}

void LedgerRules::OnReleaseRevoked(const Entry& entry) {
  Json body = entry.body;
  Fields fields(body);
  const std::string digest = HexEncode(fields.Hex<32>("release_sha256"));
  fields.Text("reason");
  const std::vector<std::string> approvers = fields.Names("approvers");
  if (!fields.Done().ok()) return Find("E103", Message(fields.status()));
  if (approvers.size() < kApprovalsNeeded)
    Find("S211", absl::StrFormat("%s is revoked with %d approvals", digest, approvers.size()));
  const auto found = releases_.find(digest);
  if (found == releases_.end() || found->second.revoked)
    return Find("S208", digest + " is not published, or is revoked already");
  PublishedRelease revoked = found->second;
  revoked.revoked = true;
  Set(&LedgerRules::releases_, digest, revoked);
}

// A rollout goes on from where it was; what was revoked goes to nobody any more.
void LedgerRules::OnRollout(const Entry& entry) {
  Json body = entry.body;
  Fields fields(body);
  const std::string rollout = fields.Text("rollout_id");
  const std::string digest = HexEncode(fields.Hex<32>("release_sha256"));
  const std::string from = fields.Text("from"), to = fields.Text("to");
  const std::uint64_t percent = fields.Int("percent");
  if (const std::string report = fields.Text("gate_report_sha256");
      !report.empty() && (report.size() != 64 || !HexDecode(report).ok()))
    fields.Wrong("gate_report_sha256");
  fields.Text("reason");
  const std::vector<std::string> approvers = fields.Names("approvers");
  if (!IsStage(from)) fields.Wrong("from");
  if (!IsStage(to)) fields.Wrong("to");
  if (percent > 100) fields.Wrong("percent");
  if (!fields.Done().ok()) return Find("E103", Message(fields.status()));
  if ((to == "stable" || to == "revoked") && approvers.size() < kApprovalsNeeded)
    Find("S211",
         absl::StrFormat("rollout %s goes to %s with %d approvals", rollout, to, approvers.size()));
  const auto release = releases_.find(digest);
  const bool ends = to == "revoked" || to == "rolled_back";
  if (release == releases_.end() || (release->second.revoked && !ends && to != "paused"))
    Find("S208", digest + " is not published, or was revoked");
  const auto known = rollouts_.find(rollout);
  const RolloutState before =
      known == rollouts_.end() ? RolloutState{digest, "draft", 0} : known->second;
  if (before.stage != from || before.release != digest)
    Find("S209", absl::StrFormat("rollout %s of %s goes from %s to %s, but stands at %s of %s",
                                 rollout, digest, from, to, before.stage, before.release));
  Set(&LedgerRules::rollouts_, rollout, {digest, to, percent});
}

}  // namespace veilsum::ledger
