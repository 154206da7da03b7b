// The SQLite back end: WAL, synchronous=FULL, one writer.
#include <thread>

#include "coordinator/store/run_store_schema.h"
#include "coordinator/store/sql_run_store.h"
#include "coordinator/store/sqlite_sql.h"

namespace veilsum::coordinator {
namespace {

// std::mutex is not fair: whoever waits for it needs a moment to get it.
constexpr std::chrono::milliseconds kBreath{1};

class SqliteRunStore final : public SqlRunStore {
 public:
  explicit SqliteRunStore(sqlite::Database db) : SqlRunStore(sql_), db_(std::move(db)), sql_(db_) {}

  absl::Status BackupTo(const std::filesystem::path& file) override {
    std::unique_lock lock(mutex_);
    auto began = std::chrono::steady_clock::now();
    return db_.BackupTo(file, [&] {  // as long for others as it had the store for itself
      lock.unlock();
      const auto now = std::chrono::steady_clock::now();
      std::this_thread::sleep_for(std::max<std::chrono::nanoseconds>(now - began, kBreath));
      lock.lock();
      began = std::chrono::steady_clock::now();
    });
  }

 private:
  sqlite::Database db_;
  SqliteSql sql_;
};

}  // namespace

absl::StatusOr<bool> HasLedger(const std::filesystem::path& store) {
  if (!std::filesystem::exists(store)) return false;
  VEILSUM_ASSIGN_OR_RETURN(sqlite::Database db, sqlite::Database::OpenReadOnly(store, 1'000'000));
  VEILSUM_ASSIGN_OR_RETURN(
      sqlite::Statement select,
      db.Prepare("SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'ledger'"));
  VEILSUM_RETURN_IF_ERROR(select.Step().status());
  return select.Int(0) != 0;
}

absl::StatusOr<std::unique_ptr<RunStore>> OpenSqliteRunStore(const std::filesystem::path& file,
                                                             const SqliteRunStoreOptions& options) {
  sqlite::Database::Options open;
  open.exclusive = true;
  open.vfs = options.vfs;
  open.on_commit = options.on_commit;
  VEILSUM_ASSIGN_OR_RETURN(sqlite::Database db, sqlite::Database::Open(file, open));
  VEILSUM_RETURN_IF_ERROR(db.Migrate(kRunStoreMigrations));
  auto store = std::make_unique<SqliteRunStore>(std::move(db));
  if (options.ledger) VEILSUM_RETURN_IF_ERROR(store->OpenLedger(*options.ledger));
  return store;
}

}  // namespace veilsum::coordinator
