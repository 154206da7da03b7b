#include "base/sqlite/database.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <thread>

#include "base/crypto/sha256.h"

namespace veilsum::sqlite {
namespace {

absl::Status Error(sqlite3* db, int code, std::string_view action) {
  const std::string text = db == nullptr ? sqlite3_errstr(code) : sqlite3_errmsg(db);
  // After a failed flush nobody knows what is on the disk, and a second one that succeeds proves
  // nothing: the file has to be opened anew.
  const int detail = db == nullptr ? code : sqlite3_extended_errcode(db);
  if (detail == SQLITE_IOERR_FSYNC || detail == SQLITE_IOERR_DIR_FSYNC)
    return DataLoss("%s: %s while flushing", action, text);
  switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return Unavailable("%s: %s", action, text);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return DataLoss("%s: %s", action, text);
    case SQLITE_CONSTRAINT:
      return FailedPrecondition("%s: %s", action, text);
    case SQLITE_INTERRUPT:
      return ResourceExhausted("%s: more work than this database's size allows", action);
    case SQLITE_FULL:  // somebody makes room
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
      return Unavailable("%s: %s", action, text);
    default:
      return Internal("%s: %s", action, text);
  }
}

constexpr int kWorkPart =
    100'000;  // instructions between two looks at the limit, about a millisecond

// Not 0: SQLite interrupts the statement.
int SpendWork(void* left) {
  auto& work = *static_cast<std::uint64_t*>(left);
  if (work < kWorkPart) return 1;
  work -= kWorkPart;
  return 0;
}

// Of two that make a new file a WAL database at once, both read before they write, and SQLite
// refuses one of them without asking its busy handler.
absl::Status EnterWal(sqlite3* db, std::chrono::milliseconds timeout) {
  const auto end = std::chrono::steady_clock::now() + timeout;
  for (;;) {
    const int code = sqlite3_exec(db, "PRAGMA journal_mode=WAL", nullptr, nullptr, nullptr);
    if (code == SQLITE_OK) return absl::OkStatus();
    if ((code & 0xff) != SQLITE_BUSY || std::chrono::steady_clock::now() >= end)
      return Error(db, code, "sqlite");
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

constexpr int kBackupPart = 256;  // pages of 4 KiB

constexpr char kMigrationTable[] =
    "CREATE TABLE IF NOT EXISTS schema_migrations("
    "number INTEGER PRIMARY KEY, sha256 TEXT NOT NULL) STRICT";

// Makes the empty file a copy of the database, `pages` at a time.
absl::Status CopyInto(sqlite3* db, const std::filesystem::path& file,
                      const std::function<void()>& between, int pages) {
  sqlite3* raw = nullptr;
  const int opened =
      sqlite3_open_v2(file.c_str(), &raw,
                      SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
  const std::unique_ptr<sqlite3, int (*)(sqlite3*)> copy(raw, &sqlite3_close_v2);
  if (opened != SQLITE_OK) return Error(raw, opened, file.string());
  if (const int set = sqlite3_exec(raw, "PRAGMA synchronous=FULL", nullptr, nullptr, nullptr);
      set != SQLITE_OK)
    return Error(raw, set, file.string());
  sqlite3_backup* const backup = sqlite3_backup_init(raw, "main", db, "main");
  if (backup == nullptr) return Error(raw, sqlite3_errcode(raw), file.string());
  int copied = SQLITE_OK;
  while ((copied = sqlite3_backup_step(backup, pages)) == SQLITE_OK) between();
  const int finished = sqlite3_backup_finish(backup);
  if (copied != SQLITE_DONE) return Error(raw, copied, file.string());
  if (finished != SQLITE_OK) return Error(raw, finished, file.string());
  return absl::OkStatus();
}

}  // namespace

Statement::Statement(sqlite3* db, sqlite3_stmt* statement)
    : db_(db), statement_(statement, &sqlite3_finalize) {}

Statement& Statement::Bind(int parameter, std::int64_t value) {
  bind_error_ |= sqlite3_bind_int64(statement_.get(), parameter, value);
  return *this;
}

Statement& Statement::Bind(int parameter, std::string_view text) {
  bind_error_ |=
      sqlite3_bind_text64(statement_.get(), parameter, text.data() == nullptr ? "" : text.data(),
                          text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  return *this;
}

Statement& Statement::Bind(int parameter, ByteView blob) {
  // A null pointer would bind NULL, not an empty blob.
  bind_error_ |= sqlite3_bind_blob64(statement_.get(), parameter,
                                     blob.empty() ? static_cast<const void*>("") : blob.data(),
                                     blob.size(), SQLITE_TRANSIENT);
  return *this;
}

Statement& Statement::BindBorrowed(int parameter, ByteView blob) {
  bind_error_ |= sqlite3_bind_blob64(statement_.get(), parameter,
                                     blob.empty() ? static_cast<const void*>("") : blob.data(),
                                     blob.size(), SQLITE_STATIC);
  return *this;
}

absl::StatusOr<bool> Statement::Step() {
  if (bind_error_ != SQLITE_OK) return Internal("sqlite: a parameter cannot be bound");
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return Error(db_, code, "sqlite");
}

absl::Status Statement::Run() {
  for (;;) {
    const auto row = Step();
    if (row.ok() && *row) continue;
    Reset();
    return row.status();
  }
}

void Statement::Reset() {
  sqlite3_reset(statement_.get());
  sqlite3_clear_bindings(statement_.get());
  bind_error_ = 0;
}

std::int64_t Statement::Int(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}
bool Statement::IsNull(int column) const {
  return sqlite3_column_type(statement_.get(), column) == SQLITE_NULL;
}

int Statement::Columns() const { return sqlite3_column_count(statement_.get()); }

std::string Statement::ColumnName(int column) const {
  const char* name = sqlite3_column_name(statement_.get(), column);
  return name == nullptr ? std::string() : name;
}

bool Statement::reads_only() const { return sqlite3_stmt_readonly(statement_.get()) != 0; }

std::string Statement::Text(int column) const {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement_.get(), column));
  if (text == nullptr) return {};
  return std::string(text,
                     static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column)));
}

Bytes Statement::Blob(int column) const {
  const auto* data =
      static_cast<const std::uint8_t*>(sqlite3_column_blob(statement_.get(), column));
  if (data == nullptr) return {};
  return Bytes(data, data + sqlite3_column_bytes(statement_.get(), column));
}

Database::Database(sqlite3* db) : db_(db, &sqlite3_close_v2) {}

absl::StatusOr<Database> Database::Open(const std::filesystem::path& file, const Options& options) {
  // SQLite would create it with the umask's mode; -wal and -shm take the database's. Made without a
  // descriptor: closing one would take away the locks that this process has on the file by now.
  if ((mknod(file.c_str(), S_IFREG | 0600, 0) != 0 && errno != EEXIST) ||
      faccessat(AT_FDCWD, file.c_str(), R_OK | W_OK, AT_EACCESS) != 0)
    return Unavailable("%s: cannot open or create the database", file.string());
  sqlite3* raw = nullptr;
  const int code = sqlite3_open_v2(
      file.c_str(), &raw, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
      options.vfs);
  Database db(raw);
  if (code != SQLITE_OK) return Error(raw, code, file.string());
  sqlite3_busy_timeout(raw, static_cast<int>(options.busy_timeout.count()));
  // Before WAL is entered, so that no shared memory is made.
  if (options.exclusive) VEILSUM_RETURN_IF_ERROR(db.Execute("PRAGMA locking_mode=EXCLUSIVE"));
  if (absl::Status status = EnterWal(raw, options.busy_timeout); !status.ok())
    return Annotate(status, file.string());
  // WAL with synchronous=NORMAL may lose committed transactions on power loss; FULL does not.
  for (const char* pragma : {"PRAGMA synchronous=FULL", "PRAGMA foreign_keys=ON",
                             "PRAGMA trusted_schema=OFF", "PRAGMA cell_size_check=ON"})
    if (absl::Status status = db.Execute(pragma); !status.ok())
      return Annotate(status, file.string());
  db.on_commit_ = options.on_commit;
  return db;
}

absl::StatusOr<Database> Database::OpenReadOnly(const std::filesystem::path& file,
                                                std::uint64_t work) {
  sqlite3* raw = nullptr;
  const int code =
      sqlite3_open_v2(file.c_str(), &raw,
                      SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
  Database db(raw);
  if (code != SQLITE_OK) return Error(raw, code, file.string());
  sqlite3_limit(raw, SQLITE_LIMIT_ATTACHED, 0);
  db.work_left_ = std::make_unique<std::uint64_t>(work);
  sqlite3_progress_handler(raw, kWorkPart, &SpendWork, db.work_left_.get());
  for (const char* pragma : {"PRAGMA trusted_schema=OFF", "PRAGMA cell_size_check=ON"})
    if (absl::Status status = db.Execute(pragma); !status.ok())
      return Annotate(status, file.string());
  return db;
}

absl::StatusOr<Statement> Database::Prepare(std::string_view sql) {
  sqlite3_stmt* raw = nullptr;
  const int code =
      sqlite3_prepare_v2(db_.get(), sql.data(), static_cast<int>(sql.size()), &raw, nullptr);
  if (code != SQLITE_OK) return Error(db_.get(), code, "sqlite: prepare");
  return Statement(db_.get(), raw);
}

absl::Status Database::Execute(const std::string& sql) {
  const int code = sqlite3_exec(db_.get(), sql.c_str(), nullptr, nullptr, nullptr);
  return code == SQLITE_OK ? absl::OkStatus() : Error(db_.get(), code, "sqlite");
}

absl::Status Database::BackupTo(const std::filesystem::path& file,
                                const std::function<void()>& between) {
  const int fd = open(file.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0 && errno == EEXIST) return AlreadyExists("%s is there already", file.string());
  if (fd < 0) return Unavailable("%s: cannot be created", file.string());
  // Not closed before SQLite has done with the file: that would take SQLite's locks of it away.
  const absl::Status copied = CopyInto(
      db_.get(), file,
      [&] {
        // On its way to the disk, so that the last part need not wait for all of it.
        (void)sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE);
        between();
      },
      between ? kBackupPart : -1);
  close(fd);
  return copied;
}

std::int64_t Database::ChangedRows() const { return sqlite3_changes64(db_.get()); }

absl::Status Database::Migrate(std::span<const Migration> migrations) {
  VEILSUM_RETURN_IF_ERROR(Execute(kMigrationTable));
  VEILSUM_ASSIGN_OR_RETURN(Statement newest,
                           Prepare("SELECT coalesce(max(number), 0) FROM schema_migrations"));
  VEILSUM_RETURN_IF_ERROR(newest.Step().status());
  const std::int64_t have = newest.Int(0);
  newest.Reset();
  const std::int64_t known = migrations.empty() ? 0 : migrations.back().number;
  if (have > known)
    return FailedPrecondition("the database has schema %d, this program knows %d: use a newer one",
                              have, known);
  for (const Migration& migration : migrations) {
    const std::string digest = HexEncode(Sha256(migration.sql));
    VEILSUM_ASSIGN_OR_RETURN(Transaction transaction, Transaction::Begin(*this));
    VEILSUM_ASSIGN_OR_RETURN(Statement applied,
                             Prepare("SELECT sha256 FROM schema_migrations WHERE number = ?"));
    VEILSUM_ASSIGN_OR_RETURN(const bool found,
                             applied.Bind(1, std::int64_t{migration.number}).Step());
    if (found && applied.Text(0) != digest)
      return FailedPrecondition("migration %d was applied with another text (sha256 %s)",
                                migration.number, applied.Text(0));
    if (found) continue;
    VEILSUM_RETURN_IF_ERROR(Execute(std::string(migration.sql)));
    VEILSUM_ASSIGN_OR_RETURN(Statement record,
                             Prepare("INSERT INTO schema_migrations(number, sha256) VALUES(?, ?)"));
    VEILSUM_RETURN_IF_ERROR(record.Bind(1, std::int64_t{migration.number}).Bind(2, digest).Run());
    VEILSUM_RETURN_IF_ERROR(transaction.Commit());
  }
  return absl::OkStatus();
}

absl::StatusOr<Transaction> Transaction::Begin(Database& db) {
  VEILSUM_RETURN_IF_ERROR(db.Execute("BEGIN IMMEDIATE"));
  return Transaction(&db);
}

Transaction::~Transaction() {
  if (db_ != nullptr) db_->Execute("ROLLBACK").IgnoreError();
}

absl::Status Transaction::Commit() {
  VEILSUM_RETURN_IF_ERROR(db_->Execute("COMMIT"));
  if (db_->on_commit_) db_->on_commit_(std::chrono::steady_clock::now() - began_);
  db_ = nullptr;
  return absl::OkStatus();
}

}  // namespace veilsum::sqlite
