// An audit of a federation's ledger from a bundle of files and a trust policy, without a network
// and without trusting whoever ran it: the ten steps of docs/audit.md. Pure but for the files.
#pragma once

#include "base/exit_code.h"
#include "cli/audit/release_story.h"
#include "model/ledger/disclosure.h"
#include "model/ledger/lineage_check.h"
#include "model/ledger/receipt_check.h"

namespace veilsum::cli {

inline constexpr std::string_view kAuditSchema = "veilsum.audit.v1";

struct AuditOptions {
  std::filesystem::path bundle;
  std::vector<std::filesystem::path> trust = {};        // none: the bundle's own
  std::vector<std::filesystem::path> previous = {};     // checkpoints that somebody kept
  std::vector<std::filesystem::path> receipts = {};     // folders of <tenant>/<client>/<leaf>.json
  std::vector<std::filesystem::path> disclosures = {};  // folders of <tenant>/<digest>.json
  // Signing certificates (PEM) of all seats of a tenant, who compares them with the ledger's keys.
  std::vector<std::filesystem::path> seats = {};
  // Every few thousand entries: how many were read, of how many.
  std::function<void(std::uint64_t entries, std::uint64_t all)> progress = nullptr;
  ledger::LogWatcher* watcher = nullptr;  // sees every entry too
};

enum class StepState { kPassed, kFailed, kIncomplete, kNotClaimed };

struct AuditStep {
  int number;
  std::string_view name;
  StepState state;
  std::string text;  // one sentence
};

// A point of a tenant's privacy loss over a run: after the rounds through `round`.
struct LossPoint {
  std::uint64_t round = 0;
  double epsilon = 0;
};

struct TenantOfRun {
  std::string tenant;
  model::AttemptsByPurpose charged;
  double epsilon = 0;  // of what was charged
  std::vector<LossPoint> curve;
};

// A run as the ledger tells it, with its privacy computed anew from plan and contract.
struct AuditedRun {
  std::string contract_hash, run_id, plan_name, plan_sha256, unit, accountant;
  bool is_private = true, ended = false;
  ledger::Claim claim;
  dp::PrivacyStatement statement{};  // at all attempts of the contract
  double epsilon_pld = 0, epsilon_rdp = 0;
  std::uint64_t members = 0, colluders = 0, min_survivors = 0;
  double noise_multiplier = 0;
  std::string sampling_rate, clip_norm;
  std::uint64_t attempts_max = 0, opened = 0, committed = 0, aborted = 0;
  std::vector<TenantOfRun> tenants;  // by name
};

struct AuditedTenant {
  std::string tenant;
  std::optional<ledger::TenantPolicy> policy;  // as recorded; none: the tenant stated none
  std::optional<ledger::TenantData> data;      // as it has declared it
  double epsilon_claimed = 0;                  // the largest claim of its runs
  std::optional<double> block_spent;  // of the Renyi divergence that its block allows, as a share
  std::uint64_t batches = 0, receipts = 0;  // of all its seats
};

struct Audit {
  std::string origin, federation, root;
  std::uint64_t size = 0;
  std::string last_time;       // of the last entry
  Hash32 checkpoint_sha256{};  // of the file
  std::vector<Hash32> trust_sha256;
  bool own_trust = false;  // the policy came with the bundle
  std::vector<ledger::Finding> findings;
  std::vector<std::string> missing;
  std::vector<AuditStep> steps;  // 1 to 10
  std::vector<AuditedRun> runs;  // by contract hash
  std::vector<AuditedTenant> tenants;
  // Of merchants that one person may be at, by what all tenants with a seat declare; 0: not all do.
  std::uint64_t overlap_bound = 0;
  std::vector<std::string> silent;  // seats that were members and gave no receipt at all
  std::vector<ledger::DisclosureCheck::Shown> disclosures;  // hidden values that were shown
  std::map<std::string, ledger::LineageCheck::Made> models;
  std::vector<ReleaseEvent> releases;  // in the log's order
  std::vector<std::string> notes;

  ExitCode exit_code() const;  // SE-24: 0 only when every mandatory step has passed
};

// Errors are what keeps it from being run: a folder or a trust policy that cannot be read.
// Everything that is wrong with the evidence is in the answer.
absl::StatusOr<Audit> RunAudit(const AuditOptions& options);

std::string_view NameOf(StepState state);

}  // namespace veilsum::cli
