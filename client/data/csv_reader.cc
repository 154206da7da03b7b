#include "client/data/csv_reader.h"

#include <fstream>

#include "client/data/utf8.h"

namespace veilsum::client {

CsvReader::CsvReader(std::unique_ptr<std::istream> in, std::string name, CsvLimits limits)
    : in_(std::move(in)), name_(std::move(name)), limits_(limits) {}

absl::StatusOr<CsvReader> CsvReader::Open(const std::filesystem::path& path, std::string name,
                                          CsvLimits limits) {
  std::error_code error;
  const auto kind = std::filesystem::status(path, error).type();
  if (kind == std::filesystem::file_type::not_found)
    return NotFound("%s: there is no such file", name);
  if (kind != std::filesystem::file_type::regular)
    return InvalidArgument("%s: not a regular file", name);
  auto in = std::make_unique<std::ifstream>(path, std::ios::binary);
  if (!*in) return PermissionDenied("%s: cannot be read", name);
  return FromStream(std::move(in), std::move(name), limits);
}

absl::StatusOr<CsvReader> CsvReader::FromStream(std::unique_ptr<std::istream> in, std::string name,
                                                CsvLimits limits) {
  CsvReader reader(std::move(in), std::move(name), limits);
  constexpr int kByteOrderMark[] = {0xef, 0xbb, 0xbf};
  std::size_t matched = 0;
  while (matched < 3 && reader.Peek() == kByteOrderMark[matched]) {
    reader.Get();
    ++matched;
  }
  if (matched != 0 && matched != 3) return InvalidArgument("%s:1: not UTF-8", reader.name_);
  return reader;
}

int CsvReader::Get() {
  const int byte = in_->rdbuf()->sbumpc();
  if (byte == '\n') ++line_;
  return byte;
}

int CsvReader::Peek() { return in_->rdbuf()->sgetc(); }

absl::StatusOr<bool> CsvReader::TakeLineEnd() {
  const bool carriage_return = Peek() == '\r';
  if (carriage_return) Get();
  if (Peek() == '\n') {
    Get();
    return true;
  }
  if (carriage_return) return Broken("a carriage return without a line feed");
  return false;
}

void CsvReader::SkipLine() {
  while (Peek() != -1)
    if (Get() == '\n') return;
}

absl::Status CsvReader::Broken(std::string_view what) {
  return InvalidArgument("%s:%d: %s", name_, row_line_, what);
}

absl::Status CsvReader::Append(std::string& field, int byte) {
  if (byte == 0) return Broken("a zero byte");
  if (field.size() == limits_.field_bytes || ++row_bytes_ > limits_.row_bytes) {
    can_continue_ = false;
    return Broken(absl::StrFormat(
        "a field of more than %d bytes or a row of more than %d; is a quote never closed?",
        limits_.field_bytes, limits_.row_bytes));
  }
  field.push_back(static_cast<char>(byte));
  return absl::OkStatus();
}

absl::Status CsvReader::ReadQuoted(std::string& field) {
  Get();
  while (true) {
    const int byte = Get();
    if (byte == -1) {
      can_continue_ = false;
      return Broken("a quoted field is never closed");
    }
    if (byte == '"' && Peek() != '"') return absl::OkStatus();
    if (byte == '"') Get();
    VEILSUM_RETURN_IF_ERROR(Append(field, byte));
  }
}

absl::Status CsvReader::ReadPlain(std::string& field) {
  for (int byte = Peek(); byte != -1 && byte != ',' && byte != '\n' && byte != '\r';
       byte = Peek()) {
    if (byte == '"') return Broken("a quote inside a field that does not start with one");
    VEILSUM_RETURN_IF_ERROR(Append(field, Get()));
  }
  return absl::OkStatus();
}

absl::Status CsvReader::ReadRow(CsvRow& row) {
  while (true) {
    if (row.fields.size() == limits_.fields)
      return Broken(absl::StrFormat("more than %d fields", limits_.fields));
    std::string& field = row.fields.emplace_back();
    VEILSUM_RETURN_IF_ERROR(Peek() == '"' ? ReadQuoted(field) : ReadPlain(field));
    if (Peek() == -1) return absl::OkStatus();
    VEILSUM_ASSIGN_OR_RETURN(const bool ended, TakeLineEnd());
    if (ended) return absl::OkStatus();
    if (Peek() != ',') return Broken("text after the closing quote of a field");
    Get();
  }
}

absl::StatusOr<bool> CsvReader::Next(CsvRow& row) {
  row.fields.clear();
  row.line = row_line_ = line_;
  row_bytes_ = 0;
  if (Peek() == -1) {
    if (in_->bad()) return Unavailable("%s:%d: reading failed", name_, line_);
    return false;
  }
  if (absl::Status status = ReadRow(row); !status.ok()) {
    if (can_continue_) SkipLine();
    return status;
  }
  for (const std::string& field : row.fields)
    if (!IsUtf8(field)) return Broken("not UTF-8");
  return true;
}

}  // namespace veilsum::client
