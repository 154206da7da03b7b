#include "client/serve/json_batch.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <unordered_map>

namespace veilsum::client {
namespace {

using nlohmann::json;

// Where the value of one key goes: a wanted column, or behind them the id. A column may come under
// several names; the one with the lowest rank counts.
struct Target {
  std::size_t column = 0, rank = 0;
};
using Targets = std::vector<Target>;

class Columns {
 public:
  Columns(const std::vector<WantedColumn>& wanted, const std::string& id) {
    for (std::size_t i = 0; i < wanted.size(); ++i) Add(i, ColumnNames(wanted, i));
    Add(wanted.size(), {id});
  }
  // Null: nobody wants it. Rows mostly have the keys of the row before, in its order.
  const Targets* Find(const std::string& key) {
    if (next_ < order_.size() && order_[next_].first == key) return order_[next_++].second;
    const auto found = by_name_.find(key);
    const Targets* const targets = found == by_name_.end() ? nullptr : &found->second;
    if (next_ < order_.size()) order_.resize(next_);
    if (next_ == order_.size() && next_ < kMostRemembered) {
      order_.emplace_back(key, targets);
      ++next_;
    }
    return targets;
  }
  void NewRow() { next_ = 0; }
  std::size_t size() const { return names_.size(); }
  const std::vector<std::string>& names(std::size_t column) const { return names_[column]; }

 private:
  static constexpr std::size_t kMostRemembered = 256;
  void Add(std::size_t column, std::vector<std::string> names) {
    for (std::size_t rank = 0; rank < names.size(); ++rank)
      by_name_[names[rank]].push_back({column, rank});
    names_.push_back(std::move(names));
  }
  std::vector<std::vector<std::string>> names_;
  std::unordered_map<std::string, Targets> by_name_;
  std::vector<std::pair<std::string, const Targets*>> order_;  // of the row before
  std::size_t next_ = 0;
};

// What nlohmann's parser calls. After the first error of a row it goes on to the end, because a
// body that is no JSON is that first of all.
class Reader {
 public:
  Reader(Columns columns, std::size_t most, const std::function<void()>& begin,
         const std::function<absl::Status(const FlatRow&)>& take)
      : columns_(std::move(columns)),
        most_(most),
        begin_(begin),
        take_(take),
        seen_(columns_.size()) {
    row_.values.resize(columns_.size() - 1);
  }

  bool null() { return Other(); }
  bool boolean(bool value) {
    Text(value ? "true" : "false");
    if (depth_ == 1 && key_ == Key::kExplain) out_.explain = value;
    return true;
  }
  bool number_integer(std::int64_t value) { return Number(value); }
  bool number_unsigned(std::uint64_t value) { return Number(value); }
  bool number_float(double value, const std::string&) {
    return targets_ == nullptr ? Other() : Text(json(value).dump());
  }
  bool string(std::string& value) { return Text(value); }
  bool binary(json::binary_t&) { return Other(); }
  bool start_object(std::size_t) {
    if (depth_ == 2 && in_rows_) {
      BeginRow();
    } else {
      Other();
    }
    ++depth_;
    return true;
  }
  bool key(std::string& name) {
    if (depth_ == 1) key_ = name == "rows" ? Key::kRows : name == "explain" ? Key::kExplain : Key{};
    targets_ = depth_ == 3 && in_row_ ? columns_.Find(name) : nullptr;
    return true;
  }
  bool end_object() {
    if (--depth_ == 2 && in_row_) EndRow();
    return true;
  }
  bool start_array(std::size_t) {
    Other();
    if (++depth_ != 2 || key_ != Key::kRows) return true;
    in_rows_ = has_rows_ = true;
    out_.rows = 0;
    error_ = absl::OkStatus();
    begin_();
    return true;
  }
  bool end_array() {
    if (--depth_ == 1) in_rows_ = false;
    return true;
  }
  bool parse_error(std::size_t, const std::string&, const json::exception&) { return false; }

  absl::StatusOr<JsonBatch> Result(bool parsed) const {
    if (!parsed || !has_rows_)
      return InvalidArgument("the body must be a JSON object with an array \"rows\"");
    if (out_.rows > most_) return InvalidArgument("more than %d rows in one request", most_);
    VEILSUM_RETURN_IF_ERROR(error_);
    return out_;
  }

 private:
  enum class Key { kOther, kRows, kExplain };
  struct Seen {
    std::size_t rank = kNone;  // of the name that its value came under
    bool is_value = false;     // a text or a number
  };
  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);

  bool Reads() const { return error_.ok() && out_.rows <= most_; }

  void BeginRow() {
    ++out_.rows;
    in_row_ = Reads();
    if (!in_row_) return;
    row_.line = out_.rows;
    columns_.NewRow();
    std::ranges::fill(seen_, Seen());
  }

  void EndRow() {
    in_row_ = false;
    for (std::size_t column = 0; column + 1 < seen_.size() && error_.ok(); ++column)
      error_ = CheckColumn(column);
    if (seen_.back().rank == kNone)
      row_.id.clear();
    else if (error_.ok())
      error_ = CheckColumn(seen_.size() - 1);
    if (error_.ok()) error_ = take_(row_);
  }

  absl::Status CheckColumn(std::size_t column) const {
    const std::vector<std::string>& names = columns_.names(column);
    const Seen& seen = seen_[column];
    if (seen.rank == kNone)
      return InvalidArgument("rows:%d: column %s is missing", row_.line, names.front());
    if (!seen.is_value)
      return InvalidArgument("rows:%d: column %s is no text and no number", row_.line,
                             names[seen.rank]);
    return absl::OkStatus();
  }

  template <class Integer>
  bool Number(Integer value) {
    char text[24];
    return Text({text, static_cast<std::size_t>(std::to_chars(text, text + sizeof text, value).ptr -
                                                text)});
  }

  bool Text(std::string_view text) {
    if (depth_ != 3 || targets_ == nullptr) return Other();
    for (const Target& target : *targets_)
      if (Mark(target, true))
        (target.column < row_.values.size() ? row_.values[target.column] : row_.id) = text;
    return true;
  }

  // A value that is no text and no number, or that nobody wants.
  bool Other() {
    if (depth_ == 0) return true;
    if (depth_ == 1 && key_ == Key::kRows) has_rows_ = false;
    if (depth_ == 1 && key_ == Key::kExplain) out_.explain = false;
    if (depth_ == 2 && in_rows_) {
      ++out_.rows;
      if (Reads()) error_ = InvalidArgument("rows:%d: not a JSON object", out_.rows);
    }
    if (depth_ == 3 && in_row_ && targets_ != nullptr)
      for (const Target& target : *targets_) Mark(target, false);
    return true;
  }

  bool Mark(const Target& target, bool is_value) {
    Seen& seen = seen_[target.column];
    if (target.rank > seen.rank) return false;
    seen = {target.rank, is_value};
    return true;
  }

  Columns columns_;
  const std::size_t most_;
  const std::function<void()>& begin_;
  const std::function<absl::Status(const FlatRow&)>& take_;
  JsonBatch out_;
  absl::Status error_;
  std::size_t depth_ = 0;
  bool has_rows_ = false, in_rows_ = false, in_row_ = false;
  Key key_ = Key::kOther;
  const Targets* targets_ = nullptr;  // of the value that comes next
  FlatRow row_;
  std::vector<Seen> seen_;  // of the wanted columns, and last of the id
};

}  // namespace

absl::StatusOr<JsonBatch> ReadJsonBatch(std::string_view body,
                                        const std::vector<WantedColumn>& wanted,
                                        const std::string& id_column, std::size_t most,
                                        const std::function<void()>& begin,
                                        const std::function<absl::Status(const FlatRow&)>& take) {
  Reader reader(Columns(wanted, id_column), most, begin, take);
  return reader.Result(json::sax_parse(body, &reader));
}

}  // namespace veilsum::client
