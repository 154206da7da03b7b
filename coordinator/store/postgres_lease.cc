#include "coordinator/store/postgres_lease.h"

#include "base/crypto/sha256.h"
#include "coordinator/store/postgres_schema.h"

namespace veilsum::coordinator {
namespace {

// Advisory locks are numbers, of a whole database.
std::int64_t LockOf(const std::string& schema) {
  const Hash32 hash = Sha256("veilsum/v1/lease/" + schema);
  std::uint64_t number = 0;
  for (int i = 0; i < 8; ++i) number = number << 8 | hash[static_cast<std::size_t>(i)];
  return static_cast<std::int64_t>(number);
}

}  // namespace

absl::StatusOr<std::unique_ptr<PostgresLease>> PostgresLease::Connect(
    const PostgresPlace& place, std::string holder, const PostgresLeaseTiming& timing) {
  VEILSUM_ASSIGN_OR_RETURN(std::unique_ptr<PostgresDatabase> db, PostgresDatabase::Connect(place));
  return std::unique_ptr<PostgresLease>(
      new PostgresLease(place, std::move(holder), timing, std::move(db)));
}

PostgresLease::~PostgresLease() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  ended_.notify_all();
  if (watch_.joinable()) watch_.join();
  if (term_ == 0) return;
  if (auto unlock = db_->Prepare("SELECT pg_advisory_unlock($1)"); unlock.ok())
    unlock->Bind(1, LockOf(place_.schema)).Step().IgnoreError();
}

absl::StatusOr<bool> PostgresLease::TryAcquire() {
  {
    VEILSUM_ASSIGN_OR_RETURN(SqlStatement lock, db_->Prepare("SELECT pg_try_advisory_lock($1)"));
    VEILSUM_RETURN_IF_ERROR(lock.Bind(1, LockOf(place_.schema)).Step().status());
    if (lock.Int(0) == 0) return false;
  }
  VEILSUM_RETURN_IF_ERROR(
      db_->Execute(absl::StrFormat("SET idle_session_timeout = %d", timing_.silence.count())));
  VEILSUM_RETURN_IF_ERROR(Migrate());
  VEILSUM_RETURN_IF_ERROR(Elect());
  return true;
}

// Waits for a transaction that the last leader has under way: it has the row.
absl::Status PostgresLease::Elect() {
  VEILSUM_ASSIGN_OR_RETURN(SqlStatement raise,
                           db_->Prepare("UPDATE cluster SET term = term + 1, holder = $1 "
                                        "WHERE id = 1 RETURNING term"));
  VEILSUM_ASSIGN_OR_RETURN(const bool there, raise.Bind(1, holder_).Step());
  if (!there) return DataLoss("postgresql: the cluster has no term");
  term_ = raise.Unsigned(0);
  return absl::OkStatus();
}

// By whoever has the lock, so by one at a time.
absl::Status PostgresLease::Migrate() {
  VEILSUM_RETURN_IF_ERROR(db_->Execute("CREATE SCHEMA IF NOT EXISTS " + place_.schema +
                                       "; CREATE TABLE IF NOT EXISTS schema_migrations("
                                       "number BIGINT PRIMARY KEY, sha256 TEXT NOT NULL)"));
  VEILSUM_ASSIGN_OR_RETURN(SqlStatement newest,
                           db_->Prepare("SELECT coalesce(max(number), 0) FROM schema_migrations"));
  VEILSUM_RETURN_IF_ERROR(newest.Step().status());
  const std::int64_t known = std::end(kPostgresMigrations)[-1].number;
  if (newest.Int(0) > known)
    return FailedPrecondition("the database has schema %d, this program knows %d: use a newer one",
                              newest.Int(0), known);
  for (const sqlite::Migration& migration : kPostgresMigrations) {
    const std::string digest = HexEncode(Sha256(migration.sql));
    VEILSUM_ASSIGN_OR_RETURN(SqlTransaction transaction, SqlTransaction::Begin(*db_));
    VEILSUM_ASSIGN_OR_RETURN(
        SqlStatement applied,
        db_->Prepare("SELECT sha256 FROM schema_migrations WHERE number = $1"));
    VEILSUM_ASSIGN_OR_RETURN(const bool found,
                             applied.Bind(1, std::int64_t{migration.number}).Step());
    if (found && applied.Text(0) != digest)
      return FailedPrecondition("migration %d was applied with another text (sha256 %s)",
                                migration.number, applied.Text(0));
    if (found) continue;
    VEILSUM_RETURN_IF_ERROR(db_->Execute(std::string(migration.sql)));
    VEILSUM_ASSIGN_OR_RETURN(
        SqlStatement record,
        db_->Prepare("INSERT INTO schema_migrations(number, sha256) VALUES($1, $2)"));
    VEILSUM_RETURN_IF_ERROR(record.Bind(1, std::int64_t{migration.number}).Bind(2, digest).Run());
    VEILSUM_RETURN_IF_ERROR(transaction.Commit());
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> PostgresLease::HasTable(const std::string& name) {
  VEILSUM_ASSIGN_OR_RETURN(SqlStatement table, db_->Prepare("SELECT to_regclass($1) IS NOT NULL"));
  VEILSUM_RETURN_IF_ERROR(table.Bind(1, place_.schema + "." + name).Step().status());
  return table.Int(0) != 0;
}

absl::StatusOr<std::string> PostgresLease::Holder() {
  VEILSUM_ASSIGN_OR_RETURN(const bool there, HasTable("cluster"));
  if (!there) return std::string();
  VEILSUM_ASSIGN_OR_RETURN(SqlStatement holder, db_->Prepare("SELECT holder FROM cluster"));
  VEILSUM_ASSIGN_OR_RETURN(const bool row, holder.Step());
  return row ? holder.Text(0) : std::string();
}

absl::StatusOr<bool> PostgresLease::HasLedger() {
  VEILSUM_ASSIGN_OR_RETURN(const bool there, HasTable("ledger"));
  if (!there) return false;
  VEILSUM_ASSIGN_OR_RETURN(SqlStatement first, db_->Prepare("SELECT 1 FROM ledger LIMIT 1"));
  return first.Step();
}

void PostgresLease::Watch(std::function<void(const absl::Status&)> lost) {
  watch_ = std::thread([this, lost = std::move(lost)] {
    std::unique_lock lock(mutex_);
    while (!ended_.wait_for(lock, timing_.ping, [this] { return ending_; })) {
      lock.unlock();
      const absl::Status answered = db_->Execute("SELECT 1");
      if (!answered.ok()) return lost(Annotate(answered, "the lease"));
      lock.lock();
    }
  });
}

}  // namespace veilsum::coordinator
