#include "model/plan/sections/customers.h"

#include <set>

#include "model/plan/names.h"
#include "model/plan/sections/columns.h"

namespace veilsum::model {
namespace {

constexpr std::size_t kMaxTables = 16;

}  // namespace

Unit ReadUnit(Fields fields) {
  const Unit unit{fields.Text("column"),
                  static_cast<std::uint32_t>(fields.Int("max_rows", 1, 64, 1))};
  fields.Done();
  return unit;
}

Holdout ReadHoldout(Fields fields) {
  Holdout holdout;
  const bool hashed = fields.Has("hash");
  if (hashed == fields.Has("column"))
    fields.Refuse("", "must have either hash, mod and equals, or column and value");
  if (hashed) {
    fields.Choice("hash", kHashNames);
    holdout.mod = fields.Int("mod", 2, 1'000'000);
    holdout.equals = fields.Int("equals", 0, holdout.mod - 1);
  } else {
    holdout.column = fields.Text("column");
    holdout.value = fields.Text("value");
  }
  fields.Done();
  return holdout;
}

std::vector<Table> ReadTables(Fields& plan, const Unit& unit) {
  std::vector<Table> tables;
  for (Fields& fields : plan.List("table", 1, kMaxTables)) {
    Table table{Name(fields, "name"), Name(fields, "file"), fields.Text("join", 128, unit.column),
                OptionalText(fields, "time", 128), OptionalText(fields, "query", 4096)};
    if (fields.Has("unique")) table.unique = fields.Texts("unique", 1, 16);
    if (!table.unique.empty() && !table.is_events())
      fields.Refuse("unique", "is of tables of events, which have a time");
    if (table.name.find('.') != std::string::npos)
      fields.Refuse("name", "must not have a dot in it");
    for (const Table& other : tables)
      if (other.name == table.name)
        fields.Refuse("name", absl::StrFormat("\"%s\" is given twice", table.name));
    tables.push_back(std::move(table));
    fields.Done();
  }
  return tables;
}

std::vector<Pool> ReadPools(Fields& plan) {
  std::vector<Pool> pools;
  std::set<std::string> names, members;
  for (Fields& fields : plan.List("pool", 0, 255)) {
    Pool pool{Name(fields, "name"), fields.Texts("members", 2, 255)};
    if (!names.insert(pool.name).second)
      fields.Refuse("name", absl::StrFormat("\"%s\" is given twice", pool.name));
    for (const std::string& member : pool.members)
      if (!members.insert(member).second)
        fields.Refuse("members", absl::StrFormat("has \"%s\" twice", member));
    fields.Done();
    pools.push_back(std::move(pool));
  }
  return pools;
}

}  // namespace veilsum::model
