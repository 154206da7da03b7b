// How good the model is, and what else it predicts.
#pragma once

#include <string>

#include "cli/demo/report/report.h"

namespace veilsum::cli {

std::string QualityTable(const Report& report);

}  // namespace veilsum::cli
