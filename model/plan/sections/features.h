// [[feature]]: what the model sees of a customer.
#pragma once

#include <vector>

#include "model/plan/fields.h"
#include "model/plan/plan.h"

namespace veilsum::model {

std::vector<Feature> ReadFeatures(Fields& plan, const std::vector<Table>& tables);

}  // namespace veilsum::model
