#include "cli/audit/audit.h"

#include <algorithm>
#include <future>
#include <limits>
#include <mutex>

#include "base/crypto/sha256.h"
#include "base/file.h"
#include "base/pki/spiffe_id.h"
#include "cli/audit/seat_keys.h"
#include "model/contract/round_schedule.h"
#include "model/plan/plan_format.h"

namespace veilsum::cli {
namespace {

using ledger::Finding;

constexpr std::size_t kMaxCurve = 256;
constexpr std::uint64_t kProgressEvery = 4096;

std::string Text(const absl::Status& status) { return std::string(status.message()); }

// What the report says about the rounds of each run, collected while the log goes by.
class Story final : public ledger::LogWatcher {
 public:
  struct Charge {
    std::uint64_t round;
    model::AttemptsByPurpose attempts;
  };
  using Curve = std::vector<Charge>;

  void OnEntry(std::uint64_t, const Hash32&, const ledger::LedgerRules& rules) override {
    const ledger::Entry* entry = rules.last_entry().get();
    if (entry == nullptr || entry->type != "rounds.opened") return;
    const auto name = entry->body.find("contract_hash");
    if (name == entry->body.end() || !name->is_string()) return;
    const auto run = rules.runs().find(name->get<std::string>());
    if (run == rules.runs().end()) return;
    for (const auto& [tenant, charged] : run->second.charged)
      Add(curves_[run->first][tenant], {run->second.opened_through, charged});
  }
  const Curve& CurveOf(const std::string& contract, const std::string& tenant) {
    return curves_[contract][tenant];
  }

 private:
  // Every second point goes when there are too many: a plot has so many pixels.
  static void Add(Curve& curve, const Charge& charge) {
    if (!curve.empty() && curve.back().attempts.total() == charge.attempts.total()) return;
    if (curve.size() == kMaxCurve) {
      for (std::size_t i = 0; 2 * i + 1 < curve.size(); ++i) curve[i] = curve[2 * i + 1];
      curve.resize(curve.size() / 2);
    }
    curve.push_back(charge);
  }
  std::map<std::string, std::map<std::string, Curve>> curves_;
};

// Epsilon by privacy-loss distributions of runs whose plan names the other accountant. It takes a
// second and follows from the contract alone: it is computed beside the reading of the log, and
// once in a process.
class SecondAccountant final : public ledger::LogWatcher {
 public:
  void OnEntry(std::uint64_t, const Hash32&, const ledger::LedgerRules& rules) override {
    const ledger::Entry* entry = rules.last_entry().get();
    if (entry == nullptr || entry->type != "plan.registered") return;
    const auto name = entry->body.find("contract_hash");
    if (name == entry->body.end() || !name->is_string()) return;
    const auto contract = name->get<std::string>();
    const model::CheckedPrivacy* privacy = rules.PrivacyOf(contract);
    if (privacy == nullptr || privacy->input.accountant == dp::AccountantKind::kPld ||
        Known(contract) || begun_.contains(contract) || begun_.size() == kMostAtOnce)
      return;
    const auto task = [copy = *privacy] { return Compute(copy); };
    begun_[contract] = std::async(std::launch::async | std::launch::deferred, task);
  }

  // Infinity: there is none.
  double EpsilonOf(const std::string& contract, const model::CheckedPrivacy& privacy) {
    if (const std::optional<double> known = Known(contract)) return *known;
    const auto found = begun_.find(contract);
    const double epsilon = found == begun_.end() ? Compute(privacy) : found->second.get();
    if (found != begun_.end()) begun_.erase(found);
    const std::lock_guard lock(Mutex());
    Done().emplace(contract, epsilon);
    return epsilon;
  }

 private:
  static constexpr std::size_t kMostAtOnce = 4;  // each takes megabytes

  static double Compute(const model::CheckedPrivacy& privacy) {
    dp::RunPrivacyInput input = privacy.input;
    input.accountant = dp::AccountantKind::kPld;
    const auto other = dp::VerifyRun(input, privacy.noise);
    return other.ok() ? other->epsilon : std::numeric_limits<double>::infinity();
  }
  static std::mutex& Mutex() {
    static std::mutex mutex;
    return mutex;
  }
  static std::map<std::string, double>& Done() {
    static std::map<std::string, double> done;
    return done;
  }
  static std::optional<double> Known(const std::string& contract) {
    const std::lock_guard lock(Mutex());
    const auto found = Done().find(contract);
    return found == Done().end() ? std::nullopt : std::optional(found->second);
  }

  std::map<std::string, std::future<double>> begun_;  // by contract hash
};

// One log, several who look.
class Watchers final : public ledger::LogWatcher {
 public:
  void Add(ledger::LogWatcher* watcher) {
    if (watcher != nullptr) all_.push_back(watcher);
  }
  void OnEntry(std::uint64_t index, const Hash32& leaf, const ledger::LedgerRules& rules) override {
    for (LogWatcher* watcher : all_) watcher->OnEntry(index, leaf, rules);
  }
  bool WantsRoot(std::uint64_t size) override {
    return std::ranges::any_of(all_, [&](LogWatcher* each) { return each->WantsRoot(size); });
  }
  void OnRoot(std::uint64_t size, const Hash32& root) override {
    for (LogWatcher* watcher : all_)
      if (watcher->WantsRoot(size)) watcher->OnRoot(size, root);
  }

 private:
  std::vector<LogWatcher*> all_;
};

class Progress final : public ledger::LogWatcher {
 public:
  Progress(const AuditOptions& options, std::uint64_t all) : options_(options), all_(all) {}
  void OnEntry(std::uint64_t index, const Hash32&, const ledger::LedgerRules&) override {
    if (options_.progress && (index + 1) % kProgressEvery == 0) options_.progress(index + 1, all_);
  }

 private:
  const AuditOptions& options_;
  const std::uint64_t all_;
};

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
      Conclude(false, nullptr, nullptr);
      return std::move(out_);
    }
    ledger::ReceiptCheck receipts(std::move(sources));
    ledger::LineageCheck lineage(bundle_);
    ledger::DisclosureCheck disclosures(std::move(shown));
    Progress progress(options_, StatedSize());
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
    Conclude(complete, &receipts, &lineage);
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
    std::map<std::string, AuditedTenant> tenants;
    for (const auto& [name, run] : rules.runs()) {
      out_.runs.push_back(Described(name, run, rules));
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

  AuditedRun Described(const std::string& name, const ledger::RegisteredRun& run,
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
    const absl::StatusOr<std::string> text = bundle_.Blobs()(run.contract.plan_sha256);
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
    for (const auto& [tenant, charged] : run.charged)
      out.tenants.push_back({tenant, charged, 0, {}});
    AddCurves(*privacy, out);
    return out;
  }

  // By both accountants, whichever the plan names.
  void AddAccountants(const model::CheckedPrivacy& privacy, AuditedRun& out) {
    const bool by_pld = privacy.input.accountant == dp::AccountantKind::kPld;
    out.accountant = std::string(dp::NameOf(privacy.input.accountant));
    out.epsilon_rdp = by_pld ? privacy.statement.epsilon_rdp : privacy.statement.epsilon;
    out.epsilon_pld =
        by_pld ? privacy.statement.epsilon : second_.EpsilonOf(out.contract_hash, privacy);
  }

  void AddCurves(const model::CheckedPrivacy& privacy, AuditedRun& out) {
    const absl::StatusOr<dp::EpsilonMeter> meter = dp::EpsilonMeter::Create(
        privacy.input, {out.is_private, privacy.noise.training, privacy.noise.statistics,
                        privacy.statement, privacy.noise.evaluation});
    if (!meter.ok()) return;
    const auto loss = [&](const model::AttemptsByPurpose& attempts) {
      return meter->After(attempts.statistics, attempts.training, attempts.evaluation);
    };
    for (TenantOfRun& tenant : out.tenants) {
      tenant.epsilon = loss(tenant.charged);
      for (const Story::Charge& charge : story_.CurveOf(out.contract_hash, tenant.tenant))
        tenant.curve.push_back({charge.round, loss(charge.attempts)});
    }
  }

  // ---- The ten steps

  static int StepOf(std::string_view code) {
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
  static int StepOfMissing(std::string_view path) {
    if (path == "trust.policy") return 1;
    if (path.starts_with("blob/")) return 5;
    if (path.starts_with("receipts")) return 6;
    return path.starts_with("model/") ? 7 : 3;
  }

  void Conclude(bool complete, const ledger::ReceiptCheck* receipts,
                const ledger::LineageCheck* lineage) {
    std::uint64_t batches = 0;
    for (const AuditedTenant& tenant : out_.tenants) batches += tenant.batches;
    const std::uint64_t confirmed = receipts == nullptr ? 0 : receipts->confirmed();
    if (complete && batches != 0 && confirmed == 0)
      out_.missing.push_back("receipts: no client's receipt is there");
    const bool has_policy = !policies_.empty();
    const auto add = [&](int number, std::string_view name, bool looked_at, std::string text) {
      StepState state = looked_at ? StepState::kPassed : StepState::kIncomplete;
      for (const std::string& path : out_.missing)
        if (StepOfMissing(path) == number) state = StepState::kIncomplete;
      for (const Finding& finding : out_.findings)
        if (StepOf(finding.code) == number) state = StepState::kFailed;
      out_.steps.push_back({number, name, state, std::move(text)});
    };
    add(1, "trust anchors", has_policy,
        !has_policy      ? std::string("No trust policy can be read.")
        : out_.own_trust ? "The trust policy came with the bundle: compare it with one that two "
                           "tenants hand you."
                         : absl::StrFormat("%d trust policies from out of band, each met.",
                                           options_.trust.size()));
    add(2, "evidence", has_policy,
        absl::StrFormat("%d earlier checkpoints, receipts from %d places.",
                        options_.previous.size(), options_.receipts.size() + 1));
    add(3, "log integrity", complete,
        absl::StrFormat("%d entries; root, quorum and earlier checkpoints.", out_.size));
    add(4, "entries", complete, "Form, signatures, keys, and the order of events.");
    add(5, "privacy loss", complete,
        absl::StrFormat("Epsilon of %d runs computed anew, against claims and the policies of "
                        "tenants.",
                        out_.runs.size()));
    add(6, "completeness", complete,
        absl::StrFormat("%d receipts confirm charges; %d of %d charges of members have one.%s",
                        confirmed, Receipts(), batches, Disclosed()));
    add(7, "models", complete,
        absl::StrFormat("%d models traced to committed rounds.",
                        lineage == nullptr ? 0 : lineage->models().size()));
    for (const auto& [number, name] : {std::pair<int, std::string_view>{8, "implementation"},
                                       {9, "empirical privacy"},
                                       {10, "governance"}})
      out_.steps.push_back({number, name, StepState::kNotClaimed, "Not claimed."});
    AddNotes();
  }
  std::string Disclosed() const {
    return out_.disclosures.empty()
               ? std::string()
               : absl::StrFormat(" Values disclosed, each as it was committed to: %d.",
                                 out_.disclosures.size());
  }
  std::uint64_t Receipts() const {
    std::uint64_t receipts = 0;
    for (const AuditedTenant& tenant : out_.tenants) receipts += tenant.receipts;
    return receipts;
  }

  void AddNotes() {
    if (out_.own_trust)
      out_.notes.push_back(
          "The trust policy is the bundle's own: whoever made the bundle could have chosen the "
          "keys in it. Ask two tenants for theirs and give it with --trust.");
    if (options_.previous.empty())
      out_.notes.push_back(
          "No earlier checkpoint was given: a history that was replaced as a whole, with the "
          "witnesses' help, would not show. Give what tenants and earlier audits kept with "
          "--previous.");
    if (options_.seats.empty())
      out_.notes.push_back(
          "That a key is a tenant's own is the coordinator's word: the tenant compares the keys of "
          "its seats by giving their signing certificates with --seat.");
    else
      for (const std::string& tenant : seats_.tenants())
        out_.notes.push_back("The keys registered for " + tenant +
                             " were compared with its certificates.");
    std::uint64_t without = 0;
    for (const AuditedTenant& tenant : out_.tenants) without += tenant.policy ? 0 : 1;
    if (without != 0)
      out_.notes.push_back(absl::StrFormat(
          "%d tenants have recorded no policy: for them the claims are compared with the noise "
          "alone.",
          without));
    if (!out_.silent.empty())
      out_.notes.push_back(absl::StrFormat(
          "%d members gave no receipt: their charges are the ledger's word.", out_.silent.size()));
    if (out_.overlap_bound == 0)
      out_.notes.push_back(
          "Not every tenant states in how many merchants' data one person may be, so no "
          "person-level epsilon is claimed; what it would be at two and at three is in each run.");
    else
      out_.notes.push_back(absl::StrFormat(
          "Tenants state that one person is in the data of at most %d merchants: the person-level "
          "epsilon of a run is %s",
          out_.overlap_bound,
          out_.overlap_bound == 1   ? "its epsilon."
          : out_.overlap_bound <= 3 ? absl::StrFormat("that at %d merchants.", out_.overlap_bound)
                                    : "above those that are stated, and not claimed."));
    out_.notes.push_back(
        "An audit cannot prove that a colluding majority of clients sampled, clipped or added "
        "noise honestly; it proves what was agreed, charged and published.");
  }

  const AuditOptions& options_;
  const ledger::Bundle bundle_;
  std::vector<tlog::TrustPolicy> policies_;
  SeatKeys seats_;
  std::vector<tlog::Note> previous_;
  Story story_;
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
