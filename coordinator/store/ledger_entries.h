// What each change of a run store says in the ledger (model/ledger/ledger_rules.h has the types).
// Pure functions.
#pragma once

#include "coordinator/store/ledger_subjects.h"
#include "coordinator/store/run_store.h"
#include "model/ledger/ledger_writer.h"

namespace veilsum::coordinator {

// Entries that belong together, with the texts that they name by digest.
struct LedgerChange {
  std::vector<ledger::NewEntry> entries;
  std::vector<std::string> blobs;
};

// A run as its contract's hash names it in entries.
struct LedgerRun {
  std::string run_id;
  std::string contract_hash;  // hex
};
LedgerRun LedgerRunOf(const RunRecord& run);

ledger::NewEntry GenesisEntry(const LedgerOptions& options, const std::string& log_key);
// InvalidArgument: plan or contract do not parse.
absl::StatusOr<LedgerChange> NewRunEntries(const RunRecord& run);
// The member's key when it is new, the policy that it states when the ledger has another or none,
// and the reservation of its tenant when that has none yet. InvalidArgument: what it states is no
// policy of its own.
absl::StatusOr<LedgerChange> ApprovalEntries(const LedgerRun& run, const Approval& approval,
                                             const ledger::LedgerRules& rules);
LedgerChange BlockEntries(const LedgerRun& run, const Block& block);
LedgerChange CommitEntries(const LedgerRun& run, const RoundCommit& commit);
LedgerChange AbortEntries(const LedgerRun& run, std::uint64_t round, const std::string& reason);
inline constexpr const char* kRestarted = "coordinator restarted";
LedgerChange RecoveryEntries(const LedgerRun& run, const std::vector<std::uint64_t>& open);
LedgerChange RunEndEntries(const LedgerRun& run, const std::string& outcome,
                           const ledger::LedgerRules& rules);

}  // namespace veilsum::coordinator
