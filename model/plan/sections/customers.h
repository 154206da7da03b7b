// Who is a customer and where it is written: [unit], [holdout], [[table]], [[pool]].
#pragma once

#include <vector>

#include "model/plan/fields.h"
#include "model/plan/plan.h"

namespace veilsum::model {

Unit ReadUnit(Fields fields);
Holdout ReadHoldout(Fields fields);
std::vector<Table> ReadTables(Fields& plan, const Unit& unit);
std::vector<Pool> ReadPools(Fields& plan);

}  // namespace veilsum::model
