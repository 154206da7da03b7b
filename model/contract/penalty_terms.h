// The penalty that a plan puts on a model's weights.
#pragma once

#include "dp/mechanism/penalty.h"
#include "model/layout.h"
#include "model/plan/plan.h"

namespace veilsum::model {

// Of the plan's parameters (the layout's without its buffers): l1 and l2 are over all weights and
// tables, biases are in none.
dp::Penalty PenaltyOf(const Plan& plan, const Layout& layout);

}  // namespace veilsum::model
