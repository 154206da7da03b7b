#include "coordinator/cli/idle_coordinator.h"

#include "coordinator/cli/node_files.h"
#include "coordinator/store/postgres_run_store.h"

namespace veilsum::coordinator {

absl::StatusOr<IdleCoordinator> OpenIdle(const std::filesystem::path& config_file) {
  VEILSUM_ASSIGN_OR_RETURN(const CoordinatorConfig config, ReadCoordinatorConfig(config_file));
  VEILSUM_ASSIGN_OR_RETURN(OwnIdentity identity, ReadIdentity(config));
  SystemRng rng;
  IdleCoordinator out{identity.tls()->root, nullptr, nullptr};
  if (config.shared.url.empty()) {
    // Opening would make one, and another ledger with another key.
    if (std::error_code error; !std::filesystem::exists(config.store, error))
      return NotFound("there is no store %s", config.store.string());
    SqliteRunStoreOptions options;
    VEILSUM_ASSIGN_OR_RETURN(options.ledger, LedgerOf(config, *identity.tls(), rng, nullptr));
    VEILSUM_ASSIGN_OR_RETURN(out.store, OpenSqliteRunStore(config.store, options));
  } else {
    VEILSUM_ASSIGN_OR_RETURN(std::unique_ptr<PostgresLease> lease,
                             PostgresLease::Connect(config.shared, "nobody: records are made"));
    VEILSUM_ASSIGN_OR_RETURN(const bool begun, lease->HasLedger());
    if (!begun) return NotFound("there is no ledger in schema %s", config.shared.schema);
    VEILSUM_ASSIGN_OR_RETURN(const bool elected, lease->TryAcquire());
    if (!elected) return Unavailable("a coordinator has the store");
    PostgresRunStoreOptions options;
    VEILSUM_ASSIGN_OR_RETURN(options.ledger, LedgerOf(config, *identity.tls(), rng, lease.get()));
    VEILSUM_ASSIGN_OR_RETURN(out.store, OpenPostgresRunStore(std::move(lease), options));
  }
  if (!config.revoked.empty()) {
    VEILSUM_ASSIGN_OR_RETURN(out.revoked, RevocationList::Open(config.revoked));
  }
  return out;
}

}  // namespace veilsum::coordinator
