// `veilsum demo` on the command line.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "cli/support/outcome.h"

namespace veilsum::cli {

// Adds the subcommand; when it is given, the demo runs during `app.parse` and `outcome` says how it
// ended. All must outlive the parse.
void AddDemoCommand(CLI::App& app, const std::string& version, Outcome& outcome);

}  // namespace veilsum::cli
