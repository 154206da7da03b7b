#include "model/plan/sections/evaluation.h"

#include <set>
#include <tuple>

#include "model/plan/sections/columns.h"

namespace veilsum::model {
namespace {

void ReadGroups(Fields& fields, const std::vector<Table>& tables, Evaluation& evaluation) {
  if (!fields.Has("group") && !fields.Has("groups")) return;
  std::tie(evaluation.group_table, evaluation.group_column) = ReadColumn(fields, tables, "group");
  for (const Table& table : tables)
    if (table.name == evaluation.group_table && table.is_events())
      fields.Refuse("group", absl::StrFormat("is in %s, which is a table of events", table.name));
  evaluation.groups = fields.Texts("groups", 2, 16);
  std::set<std::string> seen;
  for (const std::string& group : evaluation.groups)
    if (!seen.insert(group).second)
      fields.Refuse("groups", absl::StrFormat("names \"%s\" twice", group));
  if (seen.contains(kOtherGroup))
    fields.Refuse("groups", "names \"other\", which is what all other values are called");
}

}  // namespace

std::optional<Evaluation> ReadEvaluation(Fields& plan, const std::vector<Table>& tables) {
  if (!plan.Has("evaluation")) return std::nullopt;
  Fields fields = plan.Section("evaluation");
  Evaluation evaluation;
  evaluation.share = fields.Real("share", {Exactly(0), Exactly(1), true, false}, evaluation.share);
  evaluation.bins = static_cast<std::uint32_t>(fields.Int("bins", 2, 4096, evaluation.bins));
  evaluation.attempts_max =
      static_cast<std::uint32_t>(fields.Int("attempts_max", 1, 16, evaluation.attempts_max));
  ReadGroups(fields, tables, evaluation);
  fields.Done();
  return evaluation;
}

}  // namespace veilsum::model
