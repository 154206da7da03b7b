// [q_learning]: what an action earned, and how far ahead to look.
#pragma once

#include <optional>

#include "model/plan/fields.h"
#include "model/plan/plan.h"

namespace veilsum::model {

std::optional<QLearning> ReadQLearning(Fields& plan, Task task, const Label& label);

}  // namespace veilsum::model
