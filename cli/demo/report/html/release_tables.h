// What became of the model as a release.
#pragma once

#include <string>

#include "cli/demo/report/report.h"

namespace veilsum::cli {

std::string ReleaseTable(const Report& report);

}  // namespace veilsum::cli
