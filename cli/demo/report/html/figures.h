// The report's plots: training, epsilon over rounds, merchants, calibration.
#pragma once

#include <string>

#include "cli/demo/report/report.h"

namespace veilsum::cli {

std::string Figures(const Report& report);

}  // namespace veilsum::cli
