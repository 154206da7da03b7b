// How the sums are made: [cohorts], [aggregation], [rounds].
#pragma once

#include <optional>

#include "model/plan/fields.h"
#include "model/plan/plan.h"

namespace veilsum::model {

std::optional<Cohorts> ReadCohorts(Fields& plan);
// C of a plan with cohorts counts corrupt members of the whole federation.
Aggregation ReadAggregation(Fields fields, bool cohorts);
Rounds ReadRounds(Fields fields);

}  // namespace veilsum::model
