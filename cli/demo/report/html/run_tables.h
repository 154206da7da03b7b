// What the run promised, cost and was.
#pragma once

#include <string>

#include "cli/demo/report/report.h"

namespace veilsum::cli {

std::string PrivacyTable(const Report& report);
std::string CostTable(const Report& report);
std::string RunTable(const Report& report);

}  // namespace veilsum::cli
