// From a tree of values to a checked Plan: the schema, in one place. Internal to model/plan.
#pragma once

#include "model/plan/fields.h"
#include "model/plan/plan.h"

namespace veilsum::model {

// Reads the whole document. On return `errors.first` is OK, or the plan must not be used.
Plan ReadPlan(const Json& document, FieldErrors& errors);

}  // namespace veilsum::model
