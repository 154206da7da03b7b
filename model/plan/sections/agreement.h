// What one section asks of another.
#pragma once

#include "model/plan/fields.h"
#include "model/plan/plan.h"

namespace veilsum::model {

// Direct lists are small enough, the label's table names the unit, events have a moment that they
// are earlier than, merchant mode has neither statistics nor evaluation (DP-20). Reports to
// `fields`.
void CheckAgreement(const Plan& plan, Fields& fields);

}  // namespace veilsum::model
