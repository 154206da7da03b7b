// Rows to predict for, one at a time: CSV with a header, or JSON lines, from a file, a pipe or a
// text. A row is flat: what several tables held in training is columns of one row here.
#pragma once

#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "base/status.h"

namespace veilsum::client {

// A column by name; in the rows it is called "table.column", or "column" where no other wanted
// column has that name. Without a table it is called "column".
struct WantedColumn {
  std::string table, column;
};

// The names that column `i` may have in the rows, the one that counts first.
std::vector<std::string> ColumnNames(const std::vector<WantedColumn>& wanted, std::size_t i);

struct FlatRow {
  std::string id;                   // empty where the rows have no such column
  std::vector<std::string> values;  // of the wanted columns, in their order
  std::size_t line = 0;
};

class RowSource {
 public:
  virtual ~RowSource() = default;
  // False at the end. InvalidArgument "rows.csv:3: ..." for a row that cannot be read.
  virtual absl::StatusOr<bool> Next(FlatRow& row) = 0;
  virtual const std::string& name() const = 0;  // for messages
};

// "-" is standard input. A first byte '{' says JSON lines. NotFound, PermissionDenied; or
// InvalidArgument when the header lacks a wanted column. JSON lines: every wanted column must be a
// text, a number or true or false in each object; other keys are ignored.
absl::StatusOr<std::unique_ptr<RowSource>> OpenRowSource(const std::string& file,
                                                         std::vector<WantedColumn> wanted,
                                                         std::string id_column);
// The same of a text in memory, `name` in messages.
absl::StatusOr<std::unique_ptr<RowSource>> RowsOfText(std::string text, std::string name,
                                                      std::vector<WantedColumn> wanted,
                                                      std::string id_column);

// Rows that are JSON objects already.
class JsonRows {
 public:
  JsonRows(const std::vector<WantedColumn>& wanted, std::string id_column);
  // row.line is for messages and set by the caller. InvalidArgument "name:line: ...".
  absl::Status Read(const nlohmann::json& object, const std::string& name, FlatRow& row) const;

 private:
  std::string id_column_;
  std::vector<std::vector<std::string>> names_;  // of each wanted column
};

// Rows that are texts by name, wherever those lie: `find` gives a row's value or null.
using FindValue = std::function<const std::string*(std::size_t row, const std::string& column)>;
class NamedRows {
 public:
  NamedRows(const std::vector<WantedColumn>& wanted, std::string id_column);
  // Row `i`, from 0; its line is i + 1. InvalidArgument "name:line: ...".
  absl::Status Read(std::size_t i, const FindValue& find, const std::string& name,
                    FlatRow& row) const;

 private:
  std::string id_column_;
  std::vector<std::vector<std::string>> names_;  // of each wanted column
};

}  // namespace veilsum::client
