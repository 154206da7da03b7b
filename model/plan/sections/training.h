// The network and how it is trained: [model], [training], [nonprivate].
#pragma once

#include <optional>

#include "model/plan/fields.h"
#include "model/plan/plan.h"

namespace veilsum::model {

Network ReadNetwork(Fields fields);
Training ReadTraining(Fields fields);
std::optional<NonPrivate> ReadNonPrivate(Fields& plan);

}  // namespace veilsum::model
