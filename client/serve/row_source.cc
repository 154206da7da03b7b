#include "client/serve/row_source.h"

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "client/data/csv_reader.h"

namespace veilsum::client {
namespace {

constexpr std::size_t kMaxLine = std::size_t{4} << 20;

class CsvSource final : public RowSource {
 public:
  CsvSource(CsvReader reader, std::size_t fields, std::vector<std::size_t> places,
            std::ptrdiff_t id)
      : reader_(std::move(reader)), fields_(fields), places_(std::move(places)), id_(id) {}

  static absl::StatusOr<std::unique_ptr<RowSource>> Create(CsvReader reader,
                                                           const std::vector<WantedColumn>& wanted,
                                                           const std::string& id_column) {
    CsvRow header;
    VEILSUM_ASSIGN_OR_RETURN(const bool any, reader.Next(header));
    if (!any) return InvalidArgument("%s: there is no header", reader.name());
    const auto place = [&](const std::string& name) -> std::ptrdiff_t {
      const auto found = std::ranges::find(header.fields, name);
      return found == header.fields.end() ? -1 : found - header.fields.begin();
    };
    std::vector<std::size_t> places;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      std::ptrdiff_t found = -1;
      const std::vector<std::string> names = ColumnNames(wanted, i);
      for (const std::string& name : names)
        if (found < 0) found = place(name);
      if (found < 0)
        return InvalidArgument("%s:1: column %s is missing", reader.name(), names.front());
      places.push_back(static_cast<std::size_t>(found));
    }
    const std::size_t fields = header.fields.size();
    return std::unique_ptr<RowSource>(
        std::make_unique<CsvSource>(std::move(reader), fields, places, place(id_column)));
  }

  absl::StatusOr<bool> Next(FlatRow& row) override {
    VEILSUM_ASSIGN_OR_RETURN(const bool any, reader_.Next(next_));
    if (!any) return false;
    if (next_.fields.size() != fields_)
      return InvalidArgument("%s:%d: %d fields, the header has %d", reader_.name(), next_.line,
                             next_.fields.size(), fields_);
    row.line = next_.line;
    row.id = id_ < 0 ? "" : next_.fields[static_cast<std::size_t>(id_)];
    row.values.clear();
    for (const std::size_t place : places_) row.values.push_back(next_.fields[place]);
    return true;
  }
  const std::string& name() const override { return reader_.name(); }

 private:
  CsvReader reader_;
  CsvRow next_;
  std::size_t fields_;
  std::vector<std::size_t> places_;
  std::ptrdiff_t id_;
};

absl::Status ReadValue(const nlohmann::json& object, const std::vector<std::string>& names,
                       const std::string& name, std::size_t line, std::string& value) {
  for (const std::string& key : names) {
    const auto found = object.find(key);
    if (found == object.end()) continue;
    if (found->is_string()) {
      value = found->get_ref<const std::string&>();
    } else if (found->is_number() || found->is_boolean()) {
      value = found->dump();
    } else {
      return InvalidArgument("%s:%d: column %s is no text and no number", name, line, key);
    }
    return absl::OkStatus();
  }
  return InvalidArgument("%s:%d: column %s is missing", name, line, names.front());
}

class JsonLines final : public RowSource {
 public:
  JsonLines(std::unique_ptr<std::istream> in, std::string name,
            const std::vector<WantedColumn>& wanted, std::string id_column)
      : in_(std::move(in)), name_(std::move(name)), rows_(wanted, std::move(id_column)) {}

  absl::StatusOr<bool> Next(FlatRow& row) override {
    std::string text;
    do {
      VEILSUM_ASSIGN_OR_RETURN(const bool any, ReadLine(text));
      if (!any) return false;
    } while (text.find_first_not_of(" \t\r") == std::string::npos);
    row.line = line_;
    VEILSUM_RETURN_IF_ERROR(rows_.Read(nlohmann::json::parse(text, nullptr, false), name_, row));
    return true;
  }
  const std::string& name() const override { return name_; }

 private:
  absl::StatusOr<bool> ReadLine(std::string& text) {
    text.clear();
    ++line_;
    for (int byte; (byte = in_->rdbuf()->sbumpc()) != -1;) {
      if (byte == '\n') return true;
      if (text.size() == kMaxLine)
        return InvalidArgument("%s:%d: more than %d bytes", name_, line_, kMaxLine);
      text.push_back(static_cast<char>(byte));
    }
    return !text.empty();
  }

  std::unique_ptr<std::istream> in_;
  std::string name_;
  JsonRows rows_;
  std::size_t line_ = 0;
};

absl::StatusOr<std::unique_ptr<RowSource>> RowsOfStream(std::unique_ptr<std::istream> in,
                                                        std::string name,
                                                        const std::vector<WantedColumn>& wanted,
                                                        std::string id_column) {
  if (in->peek() == '{')
    return std::unique_ptr<RowSource>(
        std::make_unique<JsonLines>(std::move(in), std::move(name), wanted, std::move(id_column)));
  in->clear();
  VEILSUM_ASSIGN_OR_RETURN(CsvReader reader, CsvReader::FromStream(std::move(in), std::move(name)));
  return CsvSource::Create(std::move(reader), wanted, id_column);
}

}  // namespace

std::vector<std::string> ColumnNames(const std::vector<WantedColumn>& wanted, std::size_t i) {
  if (wanted[i].table.empty()) return {wanted[i].column};
  std::vector<std::string> names = {wanted[i].table + "." + wanted[i].column};
  const auto same = [&](const WantedColumn& other) {
    return !other.table.empty() && other.column == wanted[i].column;
  };
  if (std::ranges::count_if(wanted, same) == 1) names.push_back(wanted[i].column);
  return names;
}

JsonRows::JsonRows(const std::vector<WantedColumn>& wanted, std::string id_column)
    : id_column_(std::move(id_column)) {
  for (std::size_t i = 0; i < wanted.size(); ++i) names_.push_back(ColumnNames(wanted, i));
}

absl::Status JsonRows::Read(const nlohmann::json& object, const std::string& name,
                            FlatRow& row) const {
  if (!object.is_object()) return InvalidArgument("%s:%d: not a JSON object", name, row.line);
  row.values.resize(names_.size());
  for (std::size_t i = 0; i < names_.size(); ++i)
    VEILSUM_RETURN_IF_ERROR(ReadValue(object, names_[i], name, row.line, row.values[i]));
  row.id.clear();
  if (!object.contains(id_column_)) return absl::OkStatus();
  return ReadValue(object, {id_column_}, name, row.line, row.id);
}

NamedRows::NamedRows(const std::vector<WantedColumn>& wanted, std::string id_column)
    : id_column_(std::move(id_column)) {
  for (std::size_t i = 0; i < wanted.size(); ++i) names_.push_back(ColumnNames(wanted, i));
}

absl::Status NamedRows::Read(std::size_t i, const FindValue& find, const std::string& name,
                             FlatRow& row) const {
  row.line = i + 1;
  row.values.resize(names_.size());
  for (std::size_t column = 0; column < names_.size(); ++column) {
    const std::string* value = nullptr;
    for (const std::string& key : names_[column])
      if (value == nullptr) value = find(i, key);
    if (value == nullptr)
      return InvalidArgument("%s:%d: column %s is missing", name, row.line, names_[column].front());
    row.values[column] = *value;
  }
  const std::string* id = find(i, id_column_);
  row.id = id == nullptr ? "" : *id;
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<RowSource>> OpenRowSource(const std::string& file,
                                                         std::vector<WantedColumn> wanted,
                                                         std::string id_column) {
  const bool standard = file == "-";
  std::error_code error;
  if (!standard && !std::filesystem::exists(file, error))
    return NotFound("%s: there is no such file", file);
  if (!standard && std::filesystem::is_directory(file, error))
    return InvalidArgument("%s: is a folder, must be a file of rows", file);
  auto in = std::make_unique<std::ifstream>(standard ? "/dev/stdin" : file, std::ios::binary);
  if (!*in) return PermissionDenied("%s: cannot be read", file);
  std::string name = standard ? "stdin" : std::filesystem::path(file).filename().string();
  return RowsOfStream(std::move(in), std::move(name), wanted, std::move(id_column));
}

absl::StatusOr<std::unique_ptr<RowSource>> RowsOfText(std::string text, std::string name,
                                                      std::vector<WantedColumn> wanted,
                                                      std::string id_column) {
  return RowsOfStream(std::make_unique<std::istringstream>(std::move(text)), std::move(name),
                      wanted, std::move(id_column));
}

}  // namespace veilsum::client
