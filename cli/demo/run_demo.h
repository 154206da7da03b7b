// The whole of `veilsum demo`: data, processes, run, report.
#pragma once

#include "cli/demo/options.h"
#include "cli/support/outcome.h"

namespace veilsum::cli {

// `version` goes into the report. Results to stdout, everything else to stderr. Processes and
// signals are the program's own: call it once, from main's thread, before other threads exist.
Outcome RunDemo(const DemoOptions& options, const std::string& version);

}  // namespace veilsum::cli
