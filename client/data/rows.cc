#include "client/data/rows.h"

#include <fstream>
#include <optional>

#include "base/sqlite/database.h"
#include "client/data/postgres_rows.h"
#include "client/data/utf8.h"

namespace veilsum::client {
namespace {

class CsvRows final : public Rows {
 public:
  explicit CsvRows(CsvReader reader) : reader_(std::move(reader)) {}
  absl::StatusOr<bool> Next(CsvRow& row) override { return reader_.Next(row); }
  bool can_continue() const override { return reader_.can_continue(); }
  const std::string& name() const override { return reader_.name(); }

 private:
  CsvReader reader_;
};

class SqliteRows final : public Rows {
 public:
  SqliteRows(sqlite::Database db, sqlite::Statement statement, std::string name)
      : db_(std::move(db)), statement_(std::move(statement)), name_(std::move(name)) {}

  absl::StatusOr<bool> Next(CsvRow& row) override {
    row.fields.clear();
    row.line = line_;
    if (line_ == 0) {
      for (int i = 0; i < statement_.Columns(); ++i) row.fields.push_back(statement_.ColumnName(i));
      ++line_;
      return true;
    }
    const absl::StatusOr<bool> found = statement_.Step();
    if (!found.ok()) {
      can_continue_ = false;
      return InvalidArgument("%s:%d: %s", name_, line_, std::string(found.status().message()));
    }
    if (!*found) return false;
    ++line_;
    for (int i = 0; i < statement_.Columns(); ++i) {
      row.fields.push_back(statement_.Text(i));
      if (!IsUtf8(row.fields.back())) return InvalidArgument("%s:%d: not UTF-8", name_, row.line);
    }
    return true;
  }
  bool can_continue() const override { return can_continue_; }
  const std::string& name() const override { return name_; }

 private:
  sqlite::Database db_;  // outlives its statement
  sqlite::Statement statement_;
  std::string name_;
  std::size_t line_ = 0;
  bool can_continue_ = true;
};

// Of a query, which the plan brings, in instructions of SQLite's virtual machine: reading, joining
// and sorting take tens of them a row; a query without end takes minutes, not for ever.
std::uint64_t WorkAllowed(std::uintmax_t file_bytes) { return 2'000'000'000 + 200 * file_bytes; }

// By the first bytes of every database of SQLite (its file format, section 1.3.1).
bool IsSqlite(const std::filesystem::path& file) {
  constexpr std::string_view kMagic("SQLite format 3\0", 16);
  char start[16] = {};
  std::ifstream in(file, std::ios::binary);
  return in.read(start, sizeof start) && std::string_view(start, sizeof start) == kMagic;
}

absl::StatusOr<std::unique_ptr<Rows>> OpenQuery(const model::Table& table,
                                                const std::filesystem::path& file,
                                                const std::string& name) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(file, error))
    return NotFound("%s: there is no such file", name);
  if (!IsSqlite(file)) return OpenPostgresRows(table, file, name);
  const auto wrong = [&](const absl::Status& status) {
    return InvalidArgument("%s: %s", name, std::string(status.message()));
  };
  absl::StatusOr<sqlite::Database> db =
      sqlite::Database::OpenReadOnly(file, WorkAllowed(std::filesystem::file_size(file, error)));
  if (!db.ok()) return wrong(db.status());
  absl::StatusOr<sqlite::Statement> statement = db->Prepare(table.query);
  if (!statement.ok()) return wrong(statement.status());
  if (statement->Columns() == 0 || !statement->reads_only())
    return InvalidArgument("%s: the table's query must be one SELECT", name);
  return std::unique_ptr<Rows>(
      std::make_unique<SqliteRows>(*std::move(db), *std::move(statement), name));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Rows>> OpenRows(const model::Table& table,
                                               const std::filesystem::path& folder) {
  const std::string name = (folder.filename() / table.file).string();
  if (!table.query.empty()) return OpenQuery(table, folder / table.file, name);
  VEILSUM_ASSIGN_OR_RETURN(CsvReader reader, CsvReader::Open(folder / table.file, name));
  return std::unique_ptr<Rows>(std::make_unique<CsvRows>(std::move(reader)));
}

}  // namespace veilsum::client
