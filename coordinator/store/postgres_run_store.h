// The PostgreSQL back end of RunStore, for the coordinator that has the lease.
#pragma once

#include "coordinator/store/postgres_lease.h"
#include "coordinator/store/run_store.h"

namespace veilsum::coordinator {

struct PostgresRunStoreOptions {
  std::optional<LedgerOptions> ledger = std::nullopt;
  // The term is over, or a connection broke, after which it is unknown whether a change took place:
  // the process has to end, or at least to tell nobody anything more. Called before the call that
  // found it returns its error, or by a thread of the lease's; more than once.
  std::function<void(const absl::Status&)> on_lost = nullptr;
  std::function<void(std::chrono::nanoseconds)> on_commit = nullptr;  // as SqliteRunStoreOptions'
};

// Keeps the lease, which is acquired, and gives it back when it goes. Reads its ledger; entries
// carry the lease's term. Writes are refused (Aborted) from the next election on. Errors of
// PostgresDatabase::Connect; DataLoss as OpenSqliteRunStore.
absl::StatusOr<std::unique_ptr<RunStore>> OpenPostgresRunStore(
    std::unique_ptr<PostgresLease> lease, const PostgresRunStoreOptions& options = {});

}  // namespace veilsum::coordinator
