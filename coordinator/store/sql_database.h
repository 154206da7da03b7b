// What the store's SQL is written against: one connection of SQLite (sqlite_sql.h) or of PostgreSQL
// (postgres_database.h). The SQL is what both understand: parameters are $1, $2, ... and come up in
// that order, for SQLite counts them so.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace veilsum::coordinator {

// What a back end does for a statement; errors as SqlStatement says.
class SqlCursor {
 public:
  virtual ~SqlCursor() = default;
  virtual void BindInt(int parameter, std::int64_t value) = 0;
  virtual void BindText(int parameter, std::string_view text) = 0;
  virtual void BindBlob(int parameter, ByteView blob, bool borrowed) = 0;
  virtual absl::StatusOr<bool> Step() = 0;
  virtual void Reset() = 0;
  virtual std::int64_t Int(int column) const = 0;
  virtual std::string Text(int column) const = 0;
  virtual Bytes Blob(int column) const = 0;
  virtual bool IsNull(int column) const = 0;
};

// A prepared statement, as sqlite::Statement: parameters count from 1 and are NULL until they are
// bound, columns count from 0. FailedPrecondition: a constraint refuses the change.
class SqlStatement {
 public:
  explicit SqlStatement(std::unique_ptr<SqlCursor> cursor) : cursor_(std::move(cursor)) {}
  SqlStatement& Bind(int parameter, std::int64_t value) {
    cursor_->BindInt(parameter, value);
    return *this;
  }
  SqlStatement& Bind(int parameter, std::uint64_t value) {
    return Bind(parameter, static_cast<std::int64_t>(value));
  }
  SqlStatement& Bind(int parameter, std::uint32_t value) {
    return Bind(parameter, static_cast<std::int64_t>(value));
  }
  SqlStatement& Bind(int parameter, std::string_view text) {
    cursor_->BindText(parameter, text);
    return *this;
  }
  SqlStatement& Bind(int parameter, const char* text) {
    return Bind(parameter, std::string_view(text));
  }
  SqlStatement& Bind(int parameter, ByteView blob) {
    cursor_->BindBlob(parameter, blob, /*borrowed=*/false);
    return *this;
  }
  // For megabytes: not copied, so the bytes must stay until the statement is reset or gone.
  SqlStatement& BindBorrowed(int parameter, ByteView blob) {
    cursor_->BindBlob(parameter, blob, /*borrowed=*/true);
    return *this;
  }
  absl::StatusOr<bool> Step() { return cursor_->Step(); }  // true: a row is there; false: done
  absl::Status Run() {                                     // Step until done, then Reset
    for (;;) {
      const absl::StatusOr<bool> row = Step();
      if (row.ok() && *row) continue;
      cursor_->Reset();
      return row.status();
    }
  }

  std::int64_t Int(int column) const { return cursor_->Int(column); }  // NULL: 0
  std::uint64_t Unsigned(int column) const { return static_cast<std::uint64_t>(Int(column)); }
  std::string Text(int column) const { return cursor_->Text(column); }  // NULL: empty
  Bytes Blob(int column) const { return cursor_->Blob(column); }        // NULL: empty
  bool IsNull(int column) const { return cursor_->IsNull(column); }

 private:
  std::unique_ptr<SqlCursor> cursor_;
};

// Not thread-safe: the owner serialises.
class SqlDatabase {
 public:
  virtual ~SqlDatabase() = default;
  virtual absl::StatusOr<SqlStatement> Prepare(std::string_view sql) = 0;
  // Between Begin and Commit or Rollback this connection alone writes. Durable when Commit returns
  // OK; when it does not, Rollback follows.
  virtual absl::Status Begin() = 0;
  virtual absl::Status Commit() = 0;
  virtual void Rollback() = 0;
};

// Rolled back unless Commit has returned OK.
class SqlTransaction {
 public:
  static absl::StatusOr<SqlTransaction> Begin(SqlDatabase& db) {
    VEILSUM_RETURN_IF_ERROR(db.Begin());
    return SqlTransaction(&db);
  }
  SqlTransaction(SqlTransaction&& other) noexcept : db_(std::exchange(other.db_, nullptr)) {}
  SqlTransaction& operator=(SqlTransaction&&) = delete;
  ~SqlTransaction() {
    if (db_ != nullptr) db_->Rollback();
  }
  absl::Status Commit() {
    VEILSUM_RETURN_IF_ERROR(db_->Commit());
    db_ = nullptr;
    return absl::OkStatus();
  }

 private:
  explicit SqlTransaction(SqlDatabase* db) : db_(db) {}
  SqlDatabase* db_;
};

}  // namespace veilsum::coordinator
