// [evaluation]: the private histograms of scores.
#pragma once

#include <optional>
#include <vector>

#include "model/plan/fields.h"
#include "model/plan/plan.h"

namespace veilsum::model {

std::optional<Evaluation> ReadEvaluation(Fields& plan, const std::vector<Table>& tables);

}  // namespace veilsum::model
