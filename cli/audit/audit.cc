#include "cli/audit/audit.h"

#include <algorithm>

#include "base/crypto/sha256.h"
#include "base/file.h"
#include "base/pki/spiffe_id.h"
#include "cli/audit/conclusion.h"
#include "cli/audit/run_teller.h"
#include "cli/audit/seat_keys.h"
#include "cli/audit/watchers.h"

namespace veilsum::cli {
namespace {

using ledger::Finding;

std::string Text(const absl::Status& status) { return std::string(status.message()); }

class Auditor {
 public:
  Auditor(const AuditOptions& options, ledger::Bundle bundle)
      : options_(options), bundle_(std::move(bundle)) {}

  absl::StatusOr<Audit> Run() {
    VEILSUM_RETURN_IF_ERROR(ReadTrust());
    VEILSUM_RETURN_IF_ERROR(ReadPrevious());
    for (const std::filesystem::path& seat : options_.seats)
      VEILSUM_RETURN_IF_ERROR(Annotate(seats_.Add(seat), seat.string()));
    std::vector<ledger::ReceiptCheck::Source> sources = {{bundle_, "receipts"}};
    for (const std::filesystem::path& folder : options_.receipts) {
      VEILSUM_ASSIGN_OR_RETURN(ledger::Bundle other, ledger::Bundle::Open(folder));
      sources.push_back({std::move(other), ""});
    }
    std::vector<ledger::DisclosureCheck::Source> shown = {{bundle_, "disclosures"}};
    for (const std::filesystem::path& folder : options_.disclosures) {
      VEILSUM_ASSIGN_OR_RETURN(ledger::Bundle other, ledger::Bundle::Open(folder));
      shown.push_back({std::move(other), ""});
    }
    if (policies_.empty()) {
      Conclude(options_, {}, out_);
      return std::move(out_);
    }
    ledger::ReceiptCheck receipts(std::move(sources));
    ledger::LineageCheck lineage(bundle_);
    ledger::DisclosureCheck disclosures(std::move(shown));
    Progress progress(options_.progress, StatedSize());
    Watchers watchers;
    for (ledger::LogWatcher* each :
         {static_cast<ledger::LogWatcher*>(&receipts), static_cast<ledger::LogWatcher*>(&lineage),
          static_cast<ledger::LogWatcher*>(&disclosures), static_cast<ledger::LogWatcher*>(&story_),
          static_cast<ledger::LogWatcher*>(&releases_), static_cast<ledger::LogWatcher*>(&progress),
          static_cast<ledger::LogWatcher*>(&seats_), static_cast<ledger::LogWatcher*>(&second_),
          options_.watcher})
      watchers.Add(each);
    const ledger::LogCheck check =
        ledger::CheckLog(policies_.front(), bundle_.Files(), bundle_.Blobs(), previous_, &watchers);
    TakeIn(check.findings, check.missing);
    TakeIn(seats_.findings(), {});
    OpenWithTheOthers();
    const bool complete = check.head.size != 0 && check.entries == check.head.size;
    if (complete) {
      receipts.Finish(check.head.size);
      lineage.Finish();
      disclosures.Finish();
      TakeIn(receipts.findings(), {});
      TakeIn(disclosures.findings(), {});
      out_.disclosures = disclosures.shown();
      TakeIn(lineage.findings(), lineage.missing());
    } else if (check.missing.empty() && check.findings.empty()) {
      out_.missing.push_back("tile/entries: the log is empty");
    }
    out_.releases = releases_.events();
    if (releases_.left_out() > 0)
      out_.notes.push_back(
          absl::StrFormat("%d later entries about releases are not listed.", releases_.left_out()));
    Describe(check, receipts, lineage);
    Conclude(options_, {true, complete, receipts.confirmed(), seats_.tenants()}, out_);
    return std::move(out_);
  }

 private:
  void Find(const char* code, std::string details) {
    out_.findings.push_back({code, 0, std::move(details)});
  }
  void TakeIn(const std::vector<Finding>& findings, const std::vector<std::string>& missing) {
    out_.findings.insert(out_.findings.end(), findings.begin(), findings.end());
    out_.missing.insert(out_.missing.end(), missing.begin(), missing.end());
  }

  // An auditor's own policy that cannot be read keeps the audit from being run; the bundle's is
  // evidence like the rest.
  absl::Status ReadTrust() {
    for (const std::filesystem::path& path : options_.trust) {
      VEILSUM_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, 1 << 20));
      absl::StatusOr<tlog::TrustPolicy> policy = tlog::TrustPolicy::Parse(text);
      if (!policy.ok()) return FailedPrecondition("%s: %s", path.string(), Text(policy.status()));
      policies_.push_back(*std::move(policy));
      out_.trust_sha256.push_back(Sha256(text));
    }
    if (!policies_.empty()) return absl::OkStatus();
    out_.own_trust = true;
    const absl::StatusOr<Bytes> own = bundle_.Read("trust.policy");
    if (absl::IsNotFound(own.status())) {
      out_.missing.push_back("trust.policy");
      return absl::OkStatus();
    }
    absl::StatusOr<tlog::TrustPolicy> policy =
        own.ok() ? tlog::TrustPolicy::Parse(AsText(*own))
                 : absl::StatusOr<tlog::TrustPolicy>(own.status());
    if (!policy.ok()) {
      Find(own.ok() ? "L010" : "L009", Text(policy.status()));
      return absl::OkStatus();
    }
    policies_.push_back(*std::move(policy));
    out_.trust_sha256.push_back(Sha256(*own));
    return absl::OkStatus();
  }

  absl::Status ReadPrevious() {
    for (const std::filesystem::path& path : options_.previous) {
      VEILSUM_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, 1 << 20));
      absl::StatusOr<tlog::Note> note = tlog::Note::Parse(text);
      if (note.ok())
        previous_.push_back(*std::move(note));
      else
        Find("X901", path.filename().string() + ": " + Text(note.status()));
    }
    return absl::OkStatus();
  }

  // As the checkpoint says, before anything is verified: for progress alone.
  std::uint64_t StatedSize() const {
    const absl::StatusOr<Bytes> bytes = bundle_.Read("checkpoint");
    const auto note =
        bytes.ok() ? tlog::Note::Parse(AsText(*bytes)) : absl::StatusOr<tlog::Note>(bytes.status());
    const auto head = note.ok() ? tlog::Checkpoint::Parse(note->text)
                                : absl::StatusOr<tlog::Checkpoint>(note.status());
    return head.ok() ? head->size : 0;
  }

  // Each of several policies must be met by the same checkpoint.
  void OpenWithTheOthers() {
    const absl::StatusOr<Bytes> bytes = bundle_.Read("checkpoint");
    if (!bytes.ok()) return;
    out_.checkpoint_sha256 = Sha256(*bytes);
    const absl::StatusOr<tlog::Note> note = tlog::Note::Parse(AsText(*bytes));
    if (!note.ok()) return;
    for (std::size_t i = 1; i < policies_.size(); ++i) {
      const absl::Status opened = policies_[i].Open(*note).status();
      if (!opened.ok())
        Find(absl::IsFailedPrecondition(opened) ? "L006" : "L001",
             options_.trust[i].filename().string() + ": " + Text(opened));
    }
  }

  void Describe(const ledger::LogCheck& check, const ledger::ReceiptCheck& receipts,
                const ledger::LineageCheck& lineage) {
    const ledger::LedgerRules& rules = check.rules;
    out_.origin = check.head.origin;
    out_.size = check.head.size;
    out_.root = HexEncode(check.head.root);
    out_.federation = rules.federation();
    out_.last_time = rules.last_time();
    out_.models = lineage.models();
    RunTeller teller(bundle_.Blobs(), &story_, &second_);
    std::map<std::string, AuditedTenant> tenants;
    for (const auto& [name, run] : rules.runs()) {
      out_.runs.push_back(teller.Tell(name, run, rules));
      for (const TenantOfRun& each : out_.runs.back().tenants) {
        AuditedTenant& tenant = tenants[each.tenant];
        tenant.epsilon_claimed = std::max(tenant.epsilon_claimed, run.claim.epsilon);
      }
    }
    for (const auto& [name, policy] : rules.policies()) tenants[name].policy = policy;
    for (const auto& [name, data] : rules.datasets()) tenants[name].data = data;
    for (const auto& [seat, facts] : receipts.seats()) {
      const absl::StatusOr<SpiffeId> id = SpiffeId::Parse(seat);
      if (!id.ok()) continue;
      tenants[id->tenant()].batches += facts.batches;
      tenants[id->tenant()].receipts += facts.receipts;
      if (facts.receipts == 0) out_.silent.push_back(seat);
    }
    for (auto& [name, tenant] : tenants) {
      tenant.tenant = name;
      if (tenant.policy && tenant.policy->block) {
        const double limit = dp::RenyiLimit(*tenant.policy->block);
        tenant.block_spent =
            std::max(rules.BlockCharge(name, false)->rdp, rules.BlockCharge(name, true)->rdp) /
            limit;
      }
      out_.tenants.push_back(std::move(tenant));
    }
    out_.overlap_bound = OverlapOf(rules, out_.runs);
  }

  // I9: without every tenant's word there is no bound.
  static std::uint64_t OverlapOf(const ledger::LedgerRules& rules,
                                 const std::vector<AuditedRun>& runs) {
    std::uint64_t bound = 0;
    for (const AuditedRun& run : runs)
      for (const TenantOfRun& each : run.tenants) {
        const auto data = rules.datasets().find(each.tenant);
        if (data == rules.datasets().end()) return 0;
        bound = std::max(bound, data->second.overlap_bound);
      }
    return bound;
  }

  const AuditOptions& options_;
  const ledger::Bundle bundle_;
  std::vector<tlog::TrustPolicy> policies_;
  SeatKeys seats_;
  std::vector<tlog::Note> previous_;
  ChargeStory story_;
  ReleaseStory releases_;
  SecondAccountant second_;
  Audit out_;
};

}  // namespace

ExitCode Audit::exit_code() const {
  if (!findings.empty()) return ExitCode::kFindings;
  const bool all = missing.empty() && steps.size() == 10 &&
                   std::ranges::all_of(steps, [](const AuditStep& step) {
                     return step.number > 7 || step.state == StepState::kPassed;
                   });
  return all ? ExitCode::kDone : ExitCode::kIncomplete;
}

absl::StatusOr<Audit> RunAudit(const AuditOptions& options) {
  VEILSUM_ASSIGN_OR_RETURN(ledger::Bundle bundle, ledger::Bundle::Open(options.bundle));
  return Auditor(options, std::move(bundle)).Run();
}

std::string_view NameOf(StepState state) {
  switch (state) {
    case StepState::kPassed:
      return "passed";
    case StepState::kFailed:
      return "failed";
    case StepState::kIncomplete:
      return "incomplete";
    default:
      return "not claimed";
  }
}

}  // namespace veilsum::cli
