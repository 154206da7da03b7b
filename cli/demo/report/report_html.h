// report.html: the report for people. One file without scripts or anything from elsewhere; prints
// well.
#pragma once

#include <string>

#include "cli/demo/report/report.h"

namespace veilsum::cli {

// A whole page, well-formed as XML too. Every text of the report is escaped.
std::string ReportHtml(const Report& report);

}  // namespace veilsum::cli
