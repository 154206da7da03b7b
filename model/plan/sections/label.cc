#include "model/plan/sections/label.h"

#include <algorithm>
#include <set>
#include <tuple>

#include "model/plan/names.h"
#include "model/plan/sections/columns.h"

namespace veilsum::model {
namespace {

constexpr std::size_t kMaxClasses = 1024;
constexpr std::uint32_t kMaxSegments = 256;
constexpr std::size_t kMaxAttributes = 16;  // of an item

std::vector<std::string> ReadClasses(Fields& fields) {
  std::vector<std::string> values = fields.Texts("values", 2, kMaxClasses);
  std::set<std::string_view> seen;
  for (const std::string& value : values)
    if (!seen.insert(value).second)
      fields.Refuse("values", absl::StrFormat("names \"%s\" twice", value));
  return values;
}

// What a label's column holds, in whichever section it is.
Label ReadTarget(Fields& fields, const std::vector<Table>& tables) {
  Label label;
  std::tie(label.table, label.column) = ReadColumn(fields, tables);
  label.kind = static_cast<LabelKind>(fields.Choice("kind", kLabelKindNames));
  if (label.kind == LabelKind::kClass) label.values = ReadClasses(fields);
  if (label.kind != LabelKind::kValue) return label;
  std::tie(label.lo, label.hi) = ReadBounds(fields);
  label.log = fields.Flag("log", false);
  if (fields.Has("huber"))
    label.huber = fields.Real("huber", {Exactly(0), Exactly(2), true, false});
  return label;
}

// Each value once, in any order.
std::vector<std::vector<std::string>> ReadItems(Fields& label,
                                                const std::vector<std::string>& values) {
  std::vector<Fields> items = label.List("items", 0, values.size());
  if (items.empty()) return {};
  std::vector<std::vector<std::string>> attributes(values.size());
  for (Fields& item : items) {
    const std::string value = item.Text("value", 256);
    std::vector<std::string> names = item.Texts("attributes", 1, kMaxAttributes);
    item.Done();
    if (std::set<std::string>(names.begin(), names.end()).size() != names.size())
      item.Refuse("attributes", "names one of them twice");
    const auto found = std::ranges::find(values, value);
    const auto place = static_cast<std::size_t>(found - values.begin());
    if (found == values.end() || !attributes[place].empty())
      item.Refuse("value", absl::StrFormat("is \"%s\", must be one of label.values, once", value));
    else
      attributes[place] = std::move(names);
  }
  for (std::size_t i = 0; i < values.size(); ++i)
    if (attributes[i].empty())
      label.Refuse("items", absl::StrFormat("has nothing of the value \"%s\"", values[i]));
  return attributes;
}

}  // namespace

Label ReadLabel(Fields fields, const std::vector<Table>& tables, Task task) {
  Label label = ReadTarget(fields, tables);
  const bool of_classes =
      task == Task::kMultiClass || task == Task::kRecommend || task == Task::kQLearning;
  if (of_classes != (label.kind == LabelKind::kClass) ||
      (task == Task::kRegression) != (label.kind == LabelKind::kValue))
    fields.Refuse(
        "kind",
        "does not fit the task: binary needs binary, regression needs value, multi_class, "
        "recommend and q_learning need class");
  if (task == Task::kRecommend && label.values.size() > 1)
    label.negatives =
        static_cast<std::uint32_t>(fields.Int("negatives", 1, label.values.size() - 1, 0));
  if (task == Task::kRecommend) label.attributes = ReadItems(fields, label.values);
  label.time = OptionalText(fields, "time", 128);
  fields.Done();
  return label;
}

Label ReadSegments(Fields& plan, const std::vector<Table>& tables) {
  for (const char* section : {"label", "model", "head"})
    if (plan.Has(section))
      plan.Refuse(section, "is given, but task \"segments\" has none: [segments] is all of it");
  Fields fields = plan.Section("segments");
  Label label;
  label.table = fields.Text("table");
  label.kind = LabelKind::kSegment;
  label.segments = static_cast<std::uint32_t>(fields.Int("count", 2, kMaxSegments));
  label.time = OptionalText(fields, "time", 128);
  if (std::ranges::none_of(tables, [&](const Table& t) { return t.name == label.table; }))
    fields.Refuse(
        "table", absl::StrFormat("is \"%s\", but there is no [[table]] of that name", label.table));
  fields.Done();
  return label;
}

std::vector<SideHead> ReadHeads(Fields& plan, const std::vector<Table>& tables,
                                const std::vector<Feature>& features, const Label& label) {
  std::vector<SideHead> heads;
  std::set<std::pair<std::string, std::string>> taken = {{label.table, label.column}};
  for (const Feature& feature : features) taken.emplace(feature.table, feature.column);
  for (Fields& fields : plan.List("head", 0, kMaxSideHeads)) {
    SideHead head{ReadTarget(fields, tables)};
    head.weight = fields.Real("weight", {Exactly(0), Exactly(1000), true, false}, head.weight);
    for (const Table& table : tables)
      if (table.name == head.label.table && table.is_events())
        fields.Refuse("column",
                      absl::StrFormat("is in %s, which is a table of events", table.name));
    if (!taken.emplace(head.label.table, head.label.column).second)
      fields.Refuse("column", absl::StrFormat("\"%s.%s\" is a feature or another label too",
                                              head.label.table, head.label.column));
    fields.Done();
    heads.push_back(std::move(head));
  }
  return heads;
}

}  // namespace veilsum::model
