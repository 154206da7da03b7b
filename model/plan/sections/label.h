// What the model learns: [label] or [segments], and [[head]].
#pragma once

#include <vector>

#include "model/plan/fields.h"
#include "model/plan/plan.h"

namespace veilsum::model {

Label ReadLabel(Fields fields, const std::vector<Table>& tables, Task task);
// Instead of a label: whose rows are customers, and how many segments they are to have.
Label ReadSegments(Fields& plan, const std::vector<Table>& tables);
std::vector<SideHead> ReadHeads(Fields& plan, const std::vector<Table>& tables,
                                const std::vector<Feature>& features, const Label& label);

}  // namespace veilsum::model
