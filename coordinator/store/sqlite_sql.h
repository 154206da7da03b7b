// An open SQLite database as the store's SQL sees it.
#pragma once

#include <optional>

#include "base/sqlite/database.h"
#include "coordinator/store/sql_database.h"

namespace veilsum::coordinator {

// `db` must outlive it.
class SqliteSql final : public SqlDatabase {
 public:
  explicit SqliteSql(sqlite::Database& db) : db_(db) {}
  absl::StatusOr<SqlStatement> Prepare(std::string_view sql) override;
  absl::Status Begin() override;
  absl::Status Commit() override { return open_->Commit(); }
  void Rollback() override { open_.reset(); }

 private:
  sqlite::Database& db_;
  std::optional<sqlite::Transaction> open_;
};

}  // namespace veilsum::coordinator
