#include "client/data/events.h"

#include <algorithm>
#include <unordered_map>

#include "client/data/columns.h"
#include "client/data/event_keys.h"
#include "client/data/rows.h"
#include "client/data/times.h"

namespace veilsum::client {
namespace {

using model::Aggregate;

// What a numeric feature has seen for one row of the label's table.
struct Fold {
  std::int64_t count = 0, last_time = 0;
  double sum = 0, largest = 0, last = 0;

  void Add(std::int64_t time, double value) {
    largest = count == 0 ? value : std::max(largest, value);
    if (count == 0 || time >= last_time) {
      last_time = time;
      last = value;
    }
    sum += value;
    ++count;
  }
};

double ValueOf(const model::Feature& feature, const Fold& fold, std::int64_t label_time) {
  switch (feature.aggregate) {
    case Aggregate::kCount:
      return static_cast<double>(fold.count);
    case Aggregate::kSum:
      return fold.sum;
    case Aggregate::kMean:
      return fold.count == 0 ? 0 : fold.sum / static_cast<double>(fold.count);
    case Aggregate::kMax:
      return fold.largest;
    case Aggregate::kRecency:
      if (fold.count == 0) return feature.hi.ToDouble();
      return static_cast<double>(label_time - fold.last_time) / static_cast<double>(kSecondsADay);
    case Aggregate::kLast:
    case Aggregate::kNone:
      break;
  }
  return fold.last;
}

bool NeedsNumber(const model::Feature& feature) {
  return feature.kind == model::FeatureKind::kNumeric && feature.aggregate != Aggregate::kCount &&
         feature.aggregate != Aggregate::kRecency;
}

struct EventColumn {
  const model::Feature* feature;
  std::size_t column;
};

struct Event {
  std::int64_t time;
  std::uint32_t id;
};

class EventFold {
 public:
  EventFold(const EncodedTable& labels, EncodedTable& out) : labels_(labels), out_(out) {
    for (std::size_t row = 0; row < labels.ids.size(); ++row)
      rows_of_[labels.ids[row]].push_back(row);
  }

  absl::Status ReadHeader(const model::Plan& plan, const model::Table& table,
                          const std::vector<std::string>& header) {
    fields_ = header.size();
    VEILSUM_ASSIGN_OR_RETURN(id_, FindColumn(header, table.join, out_.name));
    VEILSUM_ASSIGN_OR_RETURN(time_, FindColumn(header, table.time, out_.name));
    time_name_ = table.time;
    for (const std::string& name : table.unique) {
      VEILSUM_ASSIGN_OR_RETURN(const std::size_t column, FindColumn(header, name, out_.name));
      unique_.push_back(column);
    }
    const std::vector<FeaturePlace> places = FeaturePlaces(plan);
    for (std::size_t i = 0; i < plan.features.size(); ++i) {
      const model::Feature& feature = plan.features[i];
      if (feature.table != table.name) continue;
      VEILSUM_ASSIGN_OR_RETURN(const std::size_t column,
                               FindColumn(header, feature.column, out_.name));
      (feature.is_list() ? lists_ : numbers_).push_back({&feature, column});
      (feature.is_list() ? out_.list_places : out_.numeric_places).push_back(places[i].ordinal);
    }
    folds_.resize(labels_.ids.size() * numbers_.size());
    events_.resize(labels_.ids.size() * lists_.size());
    return absl::OkStatus();
  }

  std::size_t id() const { return id_; }

  // Nothing is kept of a row that is an error.
  absl::Status Add(const CsvRow& row) {
    if (row.fields.size() != fields_)
      return InvalidArgument("%s:%d: %d fields, the header has %d", out_.name, row.line,
                             row.fields.size(), fields_);
    const std::string& id = row.fields[id_];
    if (id.empty())
      return InvalidArgument("%s:%d: the customer's id is empty", out_.name, row.line);
    const absl::StatusOr<std::int64_t> time = ParseTime(row.fields[time_]);
    if (!time.ok()) return Wrong(row, time_name_, time.status());
    values_.clear();
    for (const EventColumn& source : numbers_) {
      if (!NeedsNumber(*source.feature)) {
        values_.push_back(0);
        continue;
      }
      const absl::StatusOr<double> value = ParseNumber(row.fields[source.column]);
      if (!value.ok()) return Wrong(row, source.feature->column, value.status());
      values_.push_back(*value);
    }
    const auto mine = rows_of_.find(id);
    if (mine == rows_of_.end()) return absl::OkStatus();
    for (const std::size_t label : mine->second)
      if (*time < labels_.times[label] && !IsRepeated(label, row)) Fit(label, *time, row);
    return absl::OkStatus();
  }

  void Finish() {
    out_.numeric = numbers_.size();
    for (const EventColumn& source : lists_)
      out_.lists.push_back({source.feature->buckets, source.feature->slots(), {}, {}});
    for (std::size_t label = 0; label < labels_.ids.size(); ++label) {
      for (std::size_t i = 0; i < numbers_.size(); ++i) {
        const model::Feature& feature = *numbers_[i].feature;
        out_.numeric_values.push_back(EncodeNumeric(
            feature, ValueOf(feature, folds_[label * numbers_.size() + i], labels_.times[label])));
      }
      for (std::size_t i = 0; i < lists_.size(); ++i)
        AppendList(events_[label * lists_.size() + i], out_.lists[i]);
    }
  }

 private:
  absl::Status Wrong(const CsvRow& row, const std::string& column, const absl::Status& status) {
    return InvalidArgument("%s:%d: column %s: %s", out_.name, row.line, column,
                           std::string(status.message()));
  }

  bool IsRepeated(std::size_t label, const CsvRow& row) {
    if (unique_.empty()) return false;
    texts_.clear();
    for (const std::size_t column : unique_) texts_.push_back(&row.fields[column]);
    return !seen_.IsNew(label, texts_);
  }

  void Fit(std::size_t label, std::int64_t time, const CsvRow& row) {
    for (std::size_t i = 0; i < numbers_.size(); ++i) {
      const std::int64_t window = numbers_[i].feature->window_days * kSecondsADay;
      if (window == 0 || time >= labels_.times[label] - window)
        folds_[label * numbers_.size() + i].Add(time, values_[i]);
    }
    for (std::size_t i = 0; i < lists_.size(); ++i) {
      const model::Feature& feature = *lists_[i].feature;
      std::vector<Event>& latest = events_[label * lists_.size() + i];
      const Event event{time, EncodeCategorical(feature, row.fields[lists_[i].column])};
      const auto at = std::ranges::upper_bound(latest, time, {}, &Event::time);
      if (latest.size() == feature.last && at == latest.begin()) continue;
      latest.insert(at, event);
      if (latest.size() > feature.last) latest.erase(latest.begin());
    }
  }

  // The mean of the events: each weighs one over their number.
  static void AppendList(const std::vector<Event>& latest, model::IdList& to) {
    const std::size_t end = to.ids.size() + to.slots;
    for (const Event& event : latest) {
      to.ids.push_back(event.id);
      to.weights.push_back(1.0f / static_cast<float>(latest.size()));
    }
    to.ids.resize(end, 0);
    to.weights.resize(end, 0);
  }

  const EncodedTable& labels_;
  EncodedTable& out_;
  std::unordered_map<std::string, std::vector<std::size_t>> rows_of_;
  std::size_t fields_ = 0, id_ = 0, time_ = 0;
  std::string time_name_;
  std::vector<EventColumn> numbers_, lists_;
  std::vector<Fold> folds_;                 // labels x numbers
  std::vector<std::vector<Event>> events_;  // labels x lists: the latest, by time
  std::vector<double> values_;              // of the present row
  std::vector<std::size_t> unique_;         // columns
  std::vector<const std::string*> texts_;   // of the present row in them
  EventKeys seen_;
};

}  // namespace

absl::StatusOr<EncodedTable> LoadEvents(const model::Plan& plan, const model::Table& table,
                                        const std::filesystem::path& folder,
                                        const EncodedTable& labels, BadRows& bad) {
  VEILSUM_ASSIGN_OR_RETURN(const std::unique_ptr<Rows> rows, OpenRows(table, folder));
  EncodedTable out;
  out.name = rows->name();
  EventFold fold(labels, out);
  CsvRow row;
  VEILSUM_ASSIGN_OR_RETURN(const bool any, rows->Next(row));
  if (!any)
    return InvalidArgument("%s:1: the file is empty, must start with a row of column names",
                           out.name);
  VEILSUM_RETURN_IF_ERROR(fold.ReadHeader(plan, table, row.fields));
  while (true) {
    const absl::StatusOr<bool> next = rows->Next(row);
    if (next.ok() && !*next) break;
    const absl::Status status = next.ok() ? fold.Add(row) : next.status();
    if (status.ok()) continue;
    if (!rows->can_continue()) return status;
    VEILSUM_RETURN_IF_ERROR(bad.Add(status));
    if (fold.id() < row.fields.size()) out.skipped.insert(row.fields[fold.id()]);
  }
  fold.Finish();
  return out;
}

}  // namespace veilsum::client
