// What is promised: [privacy] and [statistics].
#pragma once

#include "model/plan/fields.h"
#include "model/plan/plan.h"

namespace veilsum::model {

Privacy ReadPrivacy(Fields fields);
Statistics ReadStatistics(Fields& plan, const Privacy& privacy);

}  // namespace veilsum::model
