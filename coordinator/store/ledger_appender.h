// Entries of a coordinator's ledger that tell of something outside its runs: what tenants state,
// what is released. For whoever has the store (RunStore::appender) and acts only when the entry is
// durable.
#pragma once

#include <functional>

#include "coordinator/store/ledger_entries.h"
#include "model/ledger/tenant_statement.h"

namespace veilsum::coordinator {

// Thread-safe.
class LedgerAppender {
 public:
  virtual ~LedgerAppender() = default;
  // What to append, seen from the ledger as it is now; empty: nothing.
  using Make = std::function<absl::StatusOr<LedgerChange>(const ledger::LedgerRules& rules)>;
  // One transaction, durable when it returns OK; after an error nothing has changed. Errors of
  // `make`; FailedPrecondition with a finding's code: the ledger's rules forbid it.
  virtual absl::Status AppendEntries(const Make& make) = 0;
};

// Of a tenant's seat, whose signing key is `key` as its certificate shows: registers the key when
// it is new. Nothing when the statement, or one issued later, is there already.
absl::StatusOr<LedgerChange> StatementEntries(const ledger::SignedStatement& statement,
                                              const Ed25519PublicKey& key,
                                              const ledger::LedgerRules& rules);

struct ReleaseFacts {
  std::string contract_hash;  // hex, of the run that made the model
  std::string model_id, version;
  std::uint64_t release_counter = 0;
  Hash32 release{}, manifest{};  // root digest; SHA-256 of manifest.json
  Hash32 model{};                // model_hash, as in round.committed
};
// The contract_hash of a run. FailedPrecondition: the ledger has no such run.
absl::StatusOr<std::string> ContractOfRun(const std::string& run_id,
                                          const ledger::LedgerRules& rules);
// Nothing when the release is there already.
LedgerChange PublishedEntries(const ReleaseFacts& facts, const ledger::LedgerRules& rules);

// `approvers`: strictly ascending. Nothing when it is revoked already.
LedgerChange RevokedEntries(const Hash32& release, const std::string& reason,
                            const std::vector<std::string>& approvers,
                            const ledger::LedgerRules& rules);

struct RolloutFacts {
  std::string rollout_id;
  Hash32 release{};
  std::string from, to;  // draft, validated, shadow, canary, stable, paused, rolled_back, revoked
  std::uint32_t percent = 0;
  std::string reason;
  std::optional<Hash32> gate_report;   // SHA-256 of what was decided by
  std::vector<std::string> approvers;  // strictly ascending
};
// Nothing when the rollout stands there already: after a crash the same may be asked again.
LedgerChange TransitionEntries(const RolloutFacts& facts, const ledger::LedgerRules& rules);

}  // namespace veilsum::coordinator
