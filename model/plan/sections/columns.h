// What several sections say in the same way: names, columns of tables, bounds.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "model/plan/fields.h"
#include "model/plan/plan.h"

namespace veilsum::model {

// 1 to 64 of A-Z a-z 0-9 . _ -
std::string Name(Fields& fields, const char* key);
// Empty when the key is not there.
std::string OptionalText(Fields& fields, const char* key, std::size_t longest);
// "table.column", where the table is one of the plan's.
std::pair<std::string, std::string> ReadColumn(Fields& fields, const std::vector<Table>& tables,
                                               const char* key = "column");
// "lo" and "hi", lo below hi.
std::pair<Decimal, Decimal> ReadBounds(Fields& fields);

}  // namespace veilsum::model
