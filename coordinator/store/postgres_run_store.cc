#include "coordinator/store/postgres_run_store.h"

#include "coordinator/store/sql_run_store.h"

namespace veilsum::coordinator {
namespace {

class PostgresRunStore final : public SqlRunStore {
 public:
  PostgresRunStore(std::unique_ptr<PostgresLease> lease, std::unique_ptr<PostgresDatabase> db)
      : SqlRunStore(*db), lease_(std::move(lease)), db_(std::move(db)) {}

 private:
  std::unique_ptr<PostgresLease> lease_;  // goes last: nobody is elected while this can write
  std::unique_ptr<PostgresDatabase> db_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<RunStore>> OpenPostgresRunStore(
    std::unique_ptr<PostgresLease> lease, const PostgresRunStoreOptions& options) {
  const std::uint64_t term = lease->term();
  if (term == 0) return FailedPrecondition("the lease is not acquired");
  VEILSUM_ASSIGN_OR_RETURN(std::unique_ptr<PostgresDatabase> db,
                           PostgresDatabase::Connect(lease->place()));
  db->Fence(term, options.on_lost, options.on_commit);
  if (options.on_lost) lease->Watch(options.on_lost);
  auto store = std::make_unique<PostgresRunStore>(std::move(lease), std::move(db));
  if (options.ledger) VEILSUM_RETURN_IF_ERROR(store->OpenLedger(*options.ledger, term));
  return store;
}

}  // namespace veilsum::coordinator
