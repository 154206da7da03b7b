#include "cli/plan/first_plan.h"

#include <algorithm>
#include <filesystem>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/str_format.h"

namespace veilsum::cli {
namespace {

using client::ColumnKind;
using client::ColumnSketch;
using client::TableSketch;

constexpr const char* kSplit = "split";

std::string NameOf(std::string_view text) {
  std::string name(text.substr(0, 64));
  for (char& c : name)
    if (!absl::ascii_isalnum(static_cast<unsigned char>(c)) && c != '_' && c != '-') c = '-';
  return name.empty() ? "plan" : name;
}

std::string TableName(const TableSketch& table) {
  return NameOf(std::filesystem::path(table.file).stem().string());
}

// A TOML basic string.
std::string Quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (static_cast<unsigned char>(c) < 0x20)
      absl::StrAppendFormat(&out, "\\u%04X", static_cast<unsigned>(c));
    else
      out += c;
  }
  return out + '"';
}

bool HasColumn(const TableSketch& table, std::string_view name) {
  return std::ranges::any_of(table.columns, [&](const auto& c) { return c.name == name; });
}

std::string Lower(std::string_view text) { return absl::AsciiStrToLower(std::string(text)); }

bool InEveryTable(const FirstPlan& draft, std::string_view name) {
  return std::ranges::all_of(draft.tables, [&](const auto& t) { return HasColumn(t, name); });
}

// The column that every table has; of several the one that is called like a customer's id.
absl::StatusOr<std::string> UnitOf(const FirstPlan& draft) {
  if (!draft.unit.empty()) {
    if (InEveryTable(draft, draft.unit)) return draft.unit;
    return InvalidArgument("unit: not every table has a column %s", draft.unit);
  }
  std::optional<std::string> first;
  for (const ColumnSketch& column : draft.tables.front().columns) {
    if (!InEveryTable(draft, column.name)) continue;
    const std::string name = Lower(column.name);
    for (const char* known : {"user_id", "customer_id", "client_id", "member_id", "person_id"})
      if (name == known) return column.name;
    if (!first && (name == "id" || name.ends_with("_id") || name.ends_with("id")))
      first = column.name;
  }
  if (first) return *first;
  return InvalidArgument(
      "unit: no column that all tables share looks like a customer's id; name it with --unit");
}

absl::StatusOr<std::string> LabelOf(const FirstPlan& draft) {
  std::optional<std::string> found;
  for (const TableSketch& table : draft.tables)
    for (const ColumnSketch& column : table.columns) {
      const std::string place = TableName(table) + '.' + column.name;
      if (place == draft.label) return place;
      const std::string name = Lower(column.name);
      if (!found && (name == "label" || name == "target" || name == "outcome")) found = place;
    }
  if (!draft.label.empty()) return InvalidArgument("label: there is no column %s", draft.label);
  if (found) return *found;
  return InvalidArgument("label: no column is called label; name it with --label TABLE.COLUMN");
}

std::string Head(const FirstPlan& draft, const std::string& unit) {
  return absl::StrFormat(
      "# A first plan, from names and kinds of columns only. Before it can be used:\n"
      "#   1. give every numeric feature public bounds lo and hi: what could be, by the meaning "
      "of\n"
      "#      the column, not what the rows say (that would tell about customers);\n"
      "#   2. take out what is no feature, or newer than the label;\n"
      "#   3. set sampling_rate and expected_batch from the merchants' public sizes.\n"
      "# Then: veilsum plan check FILE\n"
      "name = %s\ntask = \"binary\"\n\n"
      "# Who is protected: everything about one %s.\n"
      "[unit]\ncolumn = %s\nmax_rows = 1\n\n",
      Quoted(NameOf(draft.name)), NameOf(unit), Quoted(unit));
}

// Whether the label's table says who is held out.
bool HasSplit(const FirstPlan& draft, const std::string& label) {
  return std::ranges::any_of(draft.tables, [&](const TableSketch& table) {
    return label.starts_with(TableName(table) + '.') && HasColumn(table, kSplit);
  });
}

std::string Holdout(bool split) {
  if (split)
    return absl::StrFormat(
        "# Or one in five by a hash: hash = \"fnv1a64\", mod = 5, equals = 0\n"
        "[holdout]\ncolumn = \"%s\"\nvalue = \"test\"  # what the column says of them\n\n",
        kSplit);
  return "# One in five is kept for evaluation, by a hash that everybody can compute.\n"
         "[holdout]\nhash = \"fnv1a64\"\nmod = 5\nequals = 0\n\n";
}

std::string Tables(const FirstPlan& draft, const std::string& unit) {
  std::string out;
  for (const TableSketch& table : draft.tables) {
    absl::StrAppendFormat(&out, "[[table]]\nname = %s\nfile = %s\njoin = %s\n",
                          Quoted(TableName(table)), Quoted(table.file), Quoted(unit));
    for (const ColumnSketch& column : table.columns)
      if (column.kind == ColumnKind::kTime)
        absl::StrAppendFormat(
            &out, "# time = %s  # if it has many rows a customer: docs/features.md, Aggregates\n",
            Quoted(column.name));
    out += '\n';
  }
  return out;
}

std::string Categorical(const std::string& place) {
  return absl::StrFormat(
      "[[feature]]\ncolumn = %s\nkind = \"categorical\"\nbuckets = 32  # about twice the values "
      "that could be, a power of two\n\n",
      Quoted(place));
}

std::string Numeric(const std::string& place) {
  return absl::StrFormat(
      "[[feature]]\ncolumn = %s\nkind = \"numeric\"\n# lo =      # the least that could be\n"
      "# hi =      # the most that could be\n# log = true  # for heavy tails\n\n",
      Quoted(place));
}

std::string Text(const std::string& place) {
  return absl::StrFormat(
      "[[feature]]\ncolumn = %s\nkind = \"text\"\nngrams = 2\nbuckets = 16384\nmax_terms = 256\n"
      "direct = true\n\n",
      Quoted(place));
}

bool IsCode(const std::string& name) {
  const std::string lower = Lower(name);
  return lower == "id" || lower.ends_with("_id");
}

std::string Feature(const FirstPlan& draft, const std::string& place, const ColumnSketch& column) {
  if (draft.categorical.contains(column.name)) return Categorical(place);
  if (draft.numeric.contains(column.name)) return Numeric(place);
  if (IsCode(column.name))
    return absl::StrFormat("# %s looks like a code: as a feature it would be categorical\n\n",
                           Quoted(place));
  switch (column.kind) {
    case ColumnKind::kEmpty:
      return absl::StrFormat("# %s: no value seen\n\n", Quoted(place));
    case ColumnKind::kTime:
      return absl::StrFormat("# %s is a time\n\n", Quoted(place));
    case ColumnKind::kText:
      return Text(place);
    case ColumnKind::kWord:
      return Categorical(place);
    case ColumnKind::kBinary:
    case ColumnKind::kNumber:
      return Numeric(place);
  }
  return "";
}

std::string Features(const FirstPlan& draft, const std::string& unit, const std::string& label) {
  const bool split = HasSplit(draft, label);
  std::string out;
  for (const TableSketch& table : draft.tables)
    for (const ColumnSketch& column : table.columns) {
      const std::string place = TableName(table) + '.' + column.name;
      if (column.name == unit || place == label || (split && column.name == kSplit)) continue;
      out += Feature(draft, place, column);
    }
  return out;
}

constexpr const char* kRest = R"(kind = "binary"

[model]
hidden = [128, 64, 32]   # [] is a logistic regression: often better with few customers or much noise
activation = "relu"
dropout = "0"

[training]
mode = "distributed"
steps = 600
attempts_max = 640       # rounds that may be opened, failed ones included: what the noise is calibrated to
sampling_rate = "1/10"   # each customer takes part in a round with this probability
expected_batch = 1024    # about sampling_rate times the training customers of all merchants; public
clip_norm = "4"
optimizer = "adam"
learning_rate = "0.005"
averaging = "0.99"

# Used by --epsilon inf only.
[nonprivate]
clip_norm = "10"
steps = 200
learning_rate = "0.002"

[privacy]
epsilon = "3"
delta = "1e-5"           # well under one over the number of customers
accountant = "pld"
statistics_share = "0.2" # of epsilon, for a noisy mean and variance of the numeric features

[evaluation]
share = "1"
bins = 32

# min_survivors and colluders follow from the number of merchants.
[aggregation]
key_batch = 32
ring_bits = 32
scale_log2 = 18

[rounds]
tick_ms = 5
deadline_ms = 5000
)";

}  // namespace

absl::StatusOr<std::string> WriteFirstPlan(const FirstPlan& draft) {
  if (draft.tables.empty()) return InvalidArgument("there is no table");
  VEILSUM_ASSIGN_OR_RETURN(const std::string unit, UnitOf(draft));
  VEILSUM_ASSIGN_OR_RETURN(const std::string label, LabelOf(draft));
  return Head(draft, unit) + Holdout(HasSplit(draft, label)) + Tables(draft, unit) +
         Features(draft, unit, label) + absl::StrFormat("[label]\ncolumn = %s\n", Quoted(label)) +
         kRest;
}

}  // namespace veilsum::cli
