#include "cli/audit/conclusion.h"

#include <algorithm>
#include <utility>

namespace veilsum::cli {
namespace {

int StepOf(std::string_view code) {
  if (code == "L010") return 1;
  if (code == "L009" || code == "X901") return 2;
  switch (code.front()) {
    case 'L':
      return 3;
    case 'P':
      return 5;
    case 'C':
      return 6;
    case 'M':
      return 7;
    default:
      return 4;
  }
}

int StepOfMissing(std::string_view path) {
  if (path == "trust.policy") return 1;
  if (path.starts_with("blob/")) return 5;
  if (path.starts_with("receipts")) return 6;
  return path.starts_with("model/") ? 7 : 3;
}

void AddStep(int number, std::string_view name, bool looked_at, std::string text, Audit& out) {
  StepState state = looked_at ? StepState::kPassed : StepState::kIncomplete;
  for (const std::string& path : out.missing)
    if (StepOfMissing(path) == number) state = StepState::kIncomplete;
  for (const ledger::Finding& finding : out.findings)
    if (StepOf(finding.code) == number) state = StepState::kFailed;
  out.steps.push_back({number, name, state, std::move(text)});
}

std::string TrustText(const AuditOptions& options, bool has_policy, bool own_trust) {
  if (!has_policy) return "No trust policy can be read.";
  if (own_trust)
    return "The trust policy came with the bundle: compare it with one that two tenants hand you.";
  return absl::StrFormat("%d trust policies from out of band, each met.", options.trust.size());
}

std::string ReceiptText(const Audit& out, std::uint64_t confirmed) {
  std::uint64_t batches = 0, receipts = 0;
  for (const AuditedTenant& tenant : out.tenants) {
    batches += tenant.batches;
    receipts += tenant.receipts;
  }
  std::string text =
      absl::StrFormat("%d receipts confirm charges; %d of %d charges of members have one.",
                      confirmed, receipts, batches);
  if (!out.disclosures.empty())
    absl::StrAppendFormat(&text, " Values disclosed, each as it was committed to: %d.",
                          out.disclosures.size());
  return text;
}

void AddSteps(const AuditOptions& options, const Evidence& evidence, Audit& out) {
  const bool complete = evidence.complete;
  AddStep(1, "trust anchors", evidence.has_policy,
          TrustText(options, evidence.has_policy, out.own_trust), out);
  AddStep(2, "evidence", evidence.has_policy,
          absl::StrFormat("%d earlier checkpoints, receipts from %d places.",
                          options.previous.size(), options.receipts.size() + 1),
          out);
  AddStep(3, "log integrity", complete,
          absl::StrFormat("%d entries; root, quorum and earlier checkpoints.", out.size), out);
  AddStep(4, "entries", complete, "Form, signatures, keys, and the order of events.", out);
  AddStep(5, "privacy loss", complete,
          absl::StrFormat(
              "Epsilon of %d runs computed anew, against claims and the policies of tenants.",
              out.runs.size()),
          out);
  AddStep(6, "completeness", complete, ReceiptText(out, evidence.confirmed), out);
  AddStep(7, "models", complete,
          absl::StrFormat("%d models traced to committed rounds.", out.models.size()), out);
  for (const auto& [number, name] : {std::pair<int, std::string_view>{8, "implementation"},
                                     {9, "empirical privacy"},
                                     {10, "governance"}})
    out.steps.push_back({number, name, StepState::kNotClaimed, "Not claimed."});
}

std::string OverlapText(std::uint64_t bound) {
  if (bound == 0)
    return "Not every tenant states in how many merchants' data one person may be, so no "
           "person-level epsilon is claimed; what it would be at two and at three is in each run.";
  return absl::StrFormat(
      "Tenants state that one person is in the data of at most %d merchants: the person-level "
      "epsilon of a run is %s",
      bound,
      bound == 1   ? "its epsilon."
      : bound <= 3 ? absl::StrFormat("that at %d merchants.", bound)
                   : "above those that are stated, and not claimed.");
}

// What was not given to the audit, and so was not compared.
void AddNotesOnEvidence(const AuditOptions& options, const Evidence& evidence, Audit& out) {
  if (out.own_trust)
    out.notes.push_back(
        "The trust policy is the bundle's own: whoever made the bundle could have chosen the "
        "keys in it. Ask two tenants for theirs and give it with --trust.");
  if (options.previous.empty())
    out.notes.push_back(
        "No earlier checkpoint was given: a history that was replaced as a whole, with the "
        "witnesses' help, would not show. Give what tenants and earlier audits kept with "
        "--previous.");
  if (options.seats.empty())
    out.notes.push_back(
        "That a key is a tenant's own is the coordinator's word: the tenant compares the keys of "
        "its seats by giving their signing certificates with --seat.");
  for (const std::string& tenant : evidence.compared)
    out.notes.push_back("The keys registered for " + tenant +
                        " were compared with its certificates.");
}

void AddNotes(const AuditOptions& options, const Evidence& evidence, Audit& out) {
  AddNotesOnEvidence(options, evidence, out);
  const auto without = std::ranges::count_if(
      out.tenants, [](const AuditedTenant& tenant) { return !tenant.policy.has_value(); });
  if (without != 0)
    out.notes.push_back(absl::StrFormat(
        "%d tenants have recorded no policy: for them the claims are compared with the noise "
        "alone.",
        without));
  if (!out.silent.empty())
    out.notes.push_back(absl::StrFormat(
        "%d members gave no receipt: their charges are the ledger's word.", out.silent.size()));
  out.notes.push_back(OverlapText(out.overlap_bound));
  out.notes.push_back(
      "An audit cannot prove that a colluding majority of clients sampled, clipped or added "
      "noise honestly; it proves what was agreed, charged and published.");
}

}  // namespace

void Conclude(const AuditOptions& options, const Evidence& evidence, Audit& out) {
  const bool charged = std::ranges::any_of(
      out.tenants, [](const AuditedTenant& tenant) { return tenant.batches != 0; });
  if (evidence.complete && charged && evidence.confirmed == 0)
    out.missing.push_back("receipts: no client's receipt is there");
  AddSteps(options, evidence, out);
  AddNotes(options, evidence, out);
}

}  // namespace veilsum::cli
