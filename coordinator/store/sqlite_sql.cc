#include "coordinator/store/sqlite_sql.h"

namespace veilsum::coordinator {
namespace {

class SqliteCursor final : public SqlCursor {
 public:
  explicit SqliteCursor(sqlite::Statement statement) : statement_(std::move(statement)) {}
  void BindInt(int parameter, std::int64_t value) override { statement_.Bind(parameter, value); }
  void BindText(int parameter, std::string_view text) override { statement_.Bind(parameter, text); }
  void BindBlob(int parameter, ByteView blob, bool borrowed) override {
    borrowed ? statement_.BindBorrowed(parameter, blob) : statement_.Bind(parameter, blob);
  }
  absl::StatusOr<bool> Step() override { return statement_.Step(); }
  void Reset() override { statement_.Reset(); }
  std::int64_t Int(int column) const override { return statement_.Int(column); }
  std::string Text(int column) const override { return statement_.Text(column); }
  Bytes Blob(int column) const override { return statement_.Blob(column); }
  bool IsNull(int column) const override { return statement_.IsNull(column); }

 private:
  sqlite::Statement statement_;
};

}  // namespace

absl::StatusOr<SqlStatement> SqliteSql::Prepare(std::string_view sql) {
  VEILSUM_ASSIGN_OR_RETURN(sqlite::Statement statement, db_.Prepare(sql));
  return SqlStatement(std::make_unique<SqliteCursor>(std::move(statement)));
}

absl::Status SqliteSql::Begin() {
  VEILSUM_ASSIGN_OR_RETURN(sqlite::Transaction begun, sqlite::Transaction::Begin(db_));
  open_.emplace(std::move(begun));
  return absl::OkStatus();
}

}  // namespace veilsum::coordinator
