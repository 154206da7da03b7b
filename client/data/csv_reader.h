// CSV as in RFC 4180, strictly: UTF-8, an optional byte order mark, LF or CRLF, quoted fields with
// doubled quotes, commas and line breaks inside. Streams; a row's size is bounded before it is
// stored. Line numbers are those an editor shows.
#pragma once

#include <filesystem>
#include <istream>
#include <memory>
#include <string>
#include <vector>

#include "base/status.h"

namespace veilsum::client {

struct CsvLimits {
  std::size_t field_bytes = std::size_t{1} << 20;
  std::size_t row_bytes = std::size_t{4} << 20;
  std::size_t fields = 4096;
};

struct CsvRow {
  std::vector<std::string> fields;
  std::size_t line = 0;  // where the row starts, from 1
};

class CsvReader {
 public:
  // `name` is how errors call the file. NotFound, PermissionDenied, or InvalidArgument when it is
  // no regular file.
  static absl::StatusOr<CsvReader> Open(const std::filesystem::path& path, std::string name,
                                        CsvLimits limits = {});
  // Of what is open already, a pipe or a text in memory. InvalidArgument: it begins with half a
  // byte order mark.
  static absl::StatusOr<CsvReader> FromStream(std::unique_ptr<std::istream> in, std::string name,
                                              CsvLimits limits = {});

  // Fills `row`; false at the end of the file. InvalidArgument "name:line: ...": a quote that is
  // never closed, text beside a quoted field, a row that is too large, bytes that are not UTF-8.
  // After an error `can_continue` says whether the reader found the start of the next row.
  absl::StatusOr<bool> Next(CsvRow& row);
  bool can_continue() const { return can_continue_; }
  const std::string& name() const { return name_; }

 private:
  CsvReader(std::unique_ptr<std::istream> in, std::string name, CsvLimits limits);
  int Get();  // the next byte, or -1; counts lines
  int Peek();
  absl::StatusOr<bool> TakeLineEnd();  // LF or CRLF; whether there was one
  absl::Status ReadRow(CsvRow& row);
  absl::Status ReadPlain(std::string& field);
  absl::Status ReadQuoted(std::string& field);
  absl::Status Append(std::string& field, int byte);
  absl::Status Broken(std::string_view what);
  void SkipLine();

  std::unique_ptr<std::istream> in_;
  std::string name_;
  CsvLimits limits_;
  std::size_t line_ = 1;      // of the next byte
  std::size_t row_line_ = 1;  // where the present row starts
  std::size_t row_bytes_ = 0;
  bool can_continue_ = true;
};

}  // namespace veilsum::client
