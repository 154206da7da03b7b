// What the columns of a table look like, for a person who writes a first plan (SE-28): names and
// kinds of values. No value, range or number of rows leaves this file.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/status.h"

namespace veilsum::client {

enum class ColumnKind {
  kEmpty,   // no value in the rows that were read
  kBinary,  // 0 and 1
  kNumber,
  kTime,  // as ParseTime, not a bare number
  kWord,
  kText,  // most values have several words
};

struct ColumnSketch {
  std::string name;
  ColumnKind kind;
};

struct TableSketch {
  std::string file;  // name in its folder: "browsing.csv"
  std::vector<ColumnSketch> columns;
};

// Looks at the first rows, at most kSketchRows. NotFound or InvalidArgument of CsvReader;
// InvalidArgument "name:1: ..." without a header or with a column that has no name.
absl::StatusOr<TableSketch> SketchTable(const std::filesystem::path& file);
inline constexpr std::size_t kSketchRows = 2000;

}  // namespace veilsum::client
