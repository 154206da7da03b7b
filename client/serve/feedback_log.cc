#include "client/serve/feedback_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "base/file.h"
#include "client/data/csv_reader.h"
#include "client/data/feature_encoder.h"
#include "client/serve/predictor.h"

namespace veilsum::client {
namespace {

namespace fs = std::filesystem;
constexpr std::size_t kMaxFile = std::size_t{8} << 30;

absl::Status AppendDurably(const fs::path& path, const std::string& text) {
  const int file = open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  if (file < 0) return Unavailable("%s cannot be opened", path.string());
  const off_t before = lseek(file, 0, SEEK_END);
  std::size_t done = 0;
  while (done < text.size()) {
    const ssize_t n = write(file, text.data() + done, text.size() - done);
    if (n <= 0) break;
    done += static_cast<std::size_t>(n);
  }
  bool well = before >= 0 && done == text.size() && fdatasync(file) == 0;
  const bool clean = well || (before >= 0 && ftruncate(file, before) == 0);
  well = close(file) == 0 && well;
  if (well) return absl::OkStatus();
  return Unavailable("%s cannot be written%s", path.string(), clean ? "" : ", nor cut back");
}

// What follows the last complete row: rows end outside of quotes.
std::size_t WholeRows(std::string_view text) {
  bool quoted = false;
  std::size_t end = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    quoted ^= text[i] == '"';
    if (text[i] == '\n' && !quoted) end = i + 1;
  }
  return end;
}

}  // namespace

absl::StatusOr<std::unique_ptr<FeedbackLog>> FeedbackLog::Open(const model::Plan& plan,
                                                               fs::path folder,
                                                               const std::vector<fs::path>& known) {
  std::unique_ptr<FeedbackLog> log(new FeedbackLog(plan, std::move(folder)));
  if (plan.task == model::Task::kSegments)
    return FailedPrecondition("plan %s has segments and no label: there is nothing to feed back",
                              plan.name);
  VEILSUM_RETURN_IF_ERROR(log->PlanTables());
  std::error_code error;
  fs::create_directories(log->folder_, error);
  const auto labels = std::ranges::find(plan.tables, plan.label.table, &model::Table::name);
  for (const fs::path& other : known)
    VEILSUM_RETURN_IF_ERROR(log->AddKnown(other / labels->file, labels->join, false));
  for (const TableFile& table : log->tables_) VEILSUM_RETURN_IF_ERROR(log->OpenTable(table));
  return log;
}

absl::Status FeedbackLog::PlanTables() {
  VEILSUM_ASSIGN_OR_RETURN(const RowEncoder encoder, RowEncoder::Create(plan_));
  wanted_ = encoder.wanted();
  label_ = wanted_.size();
  wanted_.push_back({plan_.label.table, plan_.label.column});
  if (plan_.holdout.mod == 0) wanted_.push_back({plan_.label.table, plan_.holdout.column});
  for (const model::Table& table : plan_.tables) {
    if (table.is_events() || !table.query.empty())
      return FailedPrecondition("feedback is recorded as CSV; table %s is not one", table.name);
    TableFile file{folder_ / table.file, {}, {table.join}, table.name == plan_.label.table};
    for (std::size_t i = 0; i < wanted_.size(); ++i)
      if (wanted_[i].table == table.name &&
          std::ranges::find(file.header, wanted_[i].column) == file.header.end()) {
        file.values.push_back(i);
        file.header.push_back(wanted_[i].column);
      }
    tables_.push_back(std::move(file));
  }
  std::ranges::stable_sort(tables_, {}, &TableFile::labels);
  return absl::OkStatus();
}

absl::Status FeedbackLog::OpenTable(const TableFile& table) {
  std::string header;
  for (const std::string& column : table.header)
    header += (header.empty() ? "" : ",") + CsvField(column);
  header += '\n';
  std::error_code error;
  if (!fs::exists(table.path, error)) return WriteFile(table.path, header, FileMode::kPrivate);
  VEILSUM_ASSIGN_OR_RETURN(const std::string text, ReadFile(table.path, kMaxFile));
  if (!text.starts_with(header))
    return FailedPrecondition("%s has other columns than the plan", table.path.string());
  fs::resize_file(table.path, WholeRows(text), error);
  if (error) return Unavailable("%s cannot be cut", table.path.string());
  return AddKnown(table.path, table.header.front(), table.labels);
}

// Customers of one file: `own` rows count towards unit.max_rows, others are taken for good.
absl::Status FeedbackLog::AddKnown(const fs::path& path, const std::string& column, bool own) {
  VEILSUM_ASSIGN_OR_RETURN(CsvReader reader, CsvReader::Open(path, path.string()));
  CsvRow row;
  VEILSUM_ASSIGN_OR_RETURN(bool more, reader.Next(row));
  const auto place = std::ranges::find(row.fields, column) - row.fields.begin();
  const auto at = static_cast<std::size_t>(place);
  while (true) {
    VEILSUM_ASSIGN_OR_RETURN(more, reader.Next(row));
    if (!more) return absl::OkStatus();
    if (at >= row.fields.size())
      return InvalidArgument("%s:%d: there is no column %s", path.string(), row.line, column);
    rows_ += own;
    std::uint64_t& count = rows_of_[row.fields[at]];
    // A customer of another table only is half a record of a crash: it cannot be completed.
    count = own ? std::max<std::uint64_t>(count, 1) + (count != 0 && tables_.size() == 1)
                : plan_.unit.max_rows;
  }
}

std::uint64_t FeedbackLog::rows() const {
  const std::lock_guard lock(mutex_);
  return rows_;
}

absl::Status FeedbackLog::Check(const std::vector<FlatRow>& rows) const {
  VEILSUM_ASSIGN_OR_RETURN(const RowEncoder encoder, RowEncoder::Create(plan_));
  model::Examples encoded = encoder.Empty();
  std::unordered_map<std::string, std::uint64_t> more;
  const std::uint64_t limit = tables_.size() == 1 ? plan_.unit.max_rows : 1;
  for (const FlatRow& row : rows) {
    if (row.values.size() != wanted_.size()) return Internal("a row has other columns");
    if (row.id.empty())
      return InvalidArgument("feedback:%d: column %s is missing", row.line, plan_.unit.column);
    VEILSUM_RETURN_IF_ERROR(encoder.Append(row, "feedback", encoded));
    if (const auto label = ParseLabel(plan_.label, row.values[label_]); !label.ok())
      return InvalidArgument("feedback:%d: column %s: %s", row.line, plan_.label.column,
                             std::string(label.status().message()));
    const auto found = rows_of_.find(row.id);
    if ((found == rows_of_.end() ? 0 : found->second) + ++more[row.id] > limit)
      return AlreadyExists("feedback:%d: customer %s has as many rows as the plan lets count",
                           row.line, Quote(row.id));
  }
  return absl::OkStatus();
}

absl::Status FeedbackLog::Add(const std::vector<FlatRow>& rows) {
  const std::lock_guard lock(mutex_);
  VEILSUM_RETURN_IF_ERROR(Check(rows));
  for (const TableFile& table : tables_) {
    std::string text;
    for (const FlatRow& row : rows) {
      text += CsvField(row.id);
      for (const std::size_t value : table.values) text += "," + CsvField(row.values[value]);
      text += '\n';
    }
    if (absl::Status status = AppendDurably(table.path, text); !status.ok()) {
      for (const FlatRow& row : rows) rows_of_[row.id] = plan_.unit.max_rows;  // half a record
      return status;
    }
  }
  for (const FlatRow& row : rows) ++rows_of_[row.id];
  rows_ += rows.size();
  return absl::OkStatus();
}

}  // namespace veilsum::client
