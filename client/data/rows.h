// The rows of a merchant's table, one at a time, wherever they are: a CSV file, or the answer of a
// database, SQLite's or PostgreSQL's, to the plan's query. A few rows at most are in memory.
#pragma once

#include <filesystem>
#include <memory>

#include "client/data/csv_reader.h"
#include "model/plan/plan.h"

namespace veilsum::client {

class Rows {
 public:
  virtual ~Rows() = default;
  // Fills `row`, the column names first; false at the end. Errors as CsvReader::Next, "name:line:
  // ..."; of a query the line is the number of the row in the answer, NULL is an empty field.
  virtual absl::StatusOr<bool> Next(CsvRow& row) = 0;
  // After an error: whether the start of the next row is known.
  virtual bool can_continue() const = 0;
  // How messages call it: "region_3/browsing.csv".
  virtual const std::string& name() const = 0;
};

// `folder`/`table.file`. With a query the file is a SQLite database or says where a PostgreSQL
// server is (postgres_rows.h), which is the merchant's choice; it is opened for reading only and
// the query must not write. Errors of CsvReader::Open and OpenPostgresRows; InvalidArgument with
// the database's message for a query that it refuses.
absl::StatusOr<std::unique_ptr<Rows>> OpenRows(const model::Table& table,
                                               const std::filesystem::path& folder);

}  // namespace veilsum::client
