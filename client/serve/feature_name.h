// How a feature is called where people read of it: "table.column", and what is made of its events,
// "purchases.amount sum of 30 days".
#pragma once

#include <string>

#include "model/plan/plan.h"

namespace veilsum::client {

std::string FeatureName(const model::Feature& feature);

}  // namespace veilsum::client
