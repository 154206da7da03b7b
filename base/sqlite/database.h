// A thin, exception-free wrapper of SQLite: durable settings, statements, transactions, numbered
// migrations.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/bytes.h"

struct sqlite3;
struct sqlite3_stmt;

namespace veilsum::sqlite {

// A prepared statement. Parameters and columns count as SQLite's do: parameters from 1, columns
// from 0.
class Statement {
 public:
  Statement& Bind(int parameter, std::int64_t value);
  Statement& Bind(int parameter, std::uint64_t value) {
    return Bind(parameter, static_cast<std::int64_t>(value));
  }
  Statement& Bind(int parameter, std::uint32_t value) {
    return Bind(parameter, static_cast<std::int64_t>(value));
  }
  Statement& Bind(int parameter, std::string_view text);
  Statement& Bind(int parameter, const char* text) {
    return Bind(parameter, std::string_view(text));
  }
  Statement& Bind(int parameter, ByteView blob);
  // For megabytes: not copied, so the bytes must stay until the statement is reset or gone.
  Statement& BindBorrowed(int parameter, ByteView blob);
  absl::StatusOr<bool> Step();  // true: a row is there; false: done. Reports errors of Bind as well
  absl::Status Run();           // Step until done, then Reset
  void Reset();                 // ready for other parameters

  std::int64_t Int(int column) const;
  std::uint64_t Unsigned(int column) const { return static_cast<std::uint64_t>(Int(column)); }
  std::string Text(int column) const;  // NULL: empty
  Bytes Blob(int column) const;
  bool IsNull(int column) const;
  int Columns() const;  // of a row; 0 for a statement without results
  std::string ColumnName(int column) const;
  bool reads_only() const;  // whether it leaves the database as it is

 private:
  friend class Database;
  Statement(sqlite3* db, sqlite3_stmt* statement);
  sqlite3* db_;
  std::unique_ptr<sqlite3_stmt, int (*)(sqlite3_stmt*)> statement_;
  int bind_error_ = 0;
};

struct Migration {
  int number;  // 1, 2, ...
  std::string_view sql;
};

// One connection: WAL, synchronous=FULL, foreign keys on, a busy timeout. Not thread-safe: the
// owner serialises.
class Database {
 public:
  struct Options {
    std::chrono::milliseconds busy_timeout{5000};
    bool exclusive =
        false;  // nobody else may open the file while we have it (released when the process dies)
    const char* vfs = nullptr;  // a registered VFS by name, for fault tests; null: the default one
    // Told how long each transaction took that was committed, from its BEGIN to its durable end.
    std::function<void(std::chrono::nanoseconds)> on_commit = nullptr;
  };
  // Creates the file with mode 0600 when it is not there. Unavailable: cannot open; DataLoss: not a
  // database, or corrupt.
  static absl::StatusOr<Database> Open(const std::filesystem::path& file, const Options& options);
  static absl::StatusOr<Database> Open(const std::filesystem::path& file) {
    return Open(file, Options());
  }

  // A file that is somebody else's, perhaps asked with somebody else's SQL: it must be there, is
  // never written, and no other one can be attached. All statements together may take about `work`
  // instructions of SQLite's virtual machine; then they end with ResourceExhausted. Errors as Open.
  static absl::StatusOr<Database> OpenReadOnly(const std::filesystem::path& file,
                                               std::uint64_t work);

  // The first statement of `sql`.
  absl::StatusOr<Statement> Prepare(std::string_view sql);
  absl::Status Execute(const std::string& sql);  // one or more statements without results
  // Brings the schema forward, each step in its own transaction, recording number and SHA-256 of
  // its text. FailedPrecondition: the file is of a newer program, or an applied migration's text
  // has changed.
  absl::Status Migrate(std::span<const Migration> migrations);
  std::int64_t ChangedRows() const;  // of the last statement
  // A copy of what is committed, by SQLite's online backup: `file` is made, with mode 0600, and is
  // a whole database when this returns OK, synced to disk. AlreadyExists: the file is there. After
  // each part of a MiB but the last, `between` is called: only in it may this connection be used,
  // and what it commits there is in the copy. Other connections are not stopped, but each of their
  // commits begins the copy anew.
  absl::Status BackupTo(const std::filesystem::path& file,
                        const std::function<void()>& between = nullptr);

 private:
  friend class Transaction;
  explicit Database(sqlite3* db);
  std::function<void(std::chrono::nanoseconds)> on_commit_;
  std::unique_ptr<std::uint64_t> work_left_;  // at a fixed address, which SQLite holds
  std::unique_ptr<sqlite3, int (*)(sqlite3*)> db_;
};

// BEGIN IMMEDIATE; rolled back unless Commit has returned OK. Durable once it has.
class Transaction {
 public:
  static absl::StatusOr<Transaction> Begin(Database& db);
  Transaction(Transaction&& other) noexcept
      : db_(std::exchange(other.db_, nullptr)), began_(other.began_) {}
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction();
  absl::Status Commit();

 private:
  explicit Transaction(Database* db) : db_(db) {}
  Database* db_;
  std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
};

}  // namespace veilsum::sqlite
