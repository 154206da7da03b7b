#include "client/data/column_kinds.h"

#include <charconv>

#include "client/data/csv_reader.h"
#include "client/data/times.h"

namespace veilsum::client {
namespace {

// What a column's values have been so far.
struct Seen {
  std::size_t values = 0, binary = 0, numbers = 0, times = 0, wordy = 0;
};

bool IsNumber(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

bool IsWordy(std::string_view text) {
  constexpr std::size_t kManyWords = 5;
  std::size_t blanks = 0;
  for (const char c : text) blanks += c == ' ' || c == '\n' ? 1 : 0;
  return blanks + 1 >= kManyWords;
}

void See(std::string_view value, Seen& seen) {
  if (value.empty()) return;
  ++seen.values;
  if (value == "0" || value == "1") ++seen.binary;
  if (IsNumber(value))
    ++seen.numbers;
  else if (ParseTime(value).ok())
    ++seen.times;
  else if (IsWordy(value))
    ++seen.wordy;
}

ColumnKind KindOf(const Seen& seen) {
  if (seen.values == 0) return ColumnKind::kEmpty;
  if (seen.binary == seen.values) return ColumnKind::kBinary;
  if (seen.numbers == seen.values) return ColumnKind::kNumber;
  if (seen.times == seen.values) return ColumnKind::kTime;
  return seen.wordy * 2 > seen.values ? ColumnKind::kText : ColumnKind::kWord;
}

}  // namespace

absl::StatusOr<TableSketch> SketchTable(const std::filesystem::path& file) {
  VEILSUM_ASSIGN_OR_RETURN(CsvReader reader, CsvReader::Open(file, file.string()));
  CsvRow row;
  VEILSUM_ASSIGN_OR_RETURN(const bool has_header, reader.Next(row));
  if (!has_header) return InvalidArgument("%s:1: there is no header", file.string());
  TableSketch table{.file = file.filename().string(), .columns = {}};
  for (const std::string& name : row.fields) {
    if (name.empty()) return InvalidArgument("%s:1: a column has no name", file.string());
    table.columns.push_back({name, ColumnKind::kEmpty});
  }
  std::vector<Seen> seen(table.columns.size());
  for (std::size_t i = 0; i < kSketchRows; ++i) {
    VEILSUM_ASSIGN_OR_RETURN(const bool more, reader.Next(row));
    if (!more) break;
    for (std::size_t c = 0; c < std::min(seen.size(), row.fields.size()); ++c)
      See(row.fields[c], seen[c]);
  }
  for (std::size_t c = 0; c < seen.size(); ++c) table.columns[c].kind = KindOf(seen[c]);
  return table;
}

}  // namespace veilsum::client
