// `veilsum release`: from a finished run to a signed package, and back to what a package says.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "cli/support/outcome.h"

namespace veilsum::cli {

void AddReleaseCommands(CLI::App& app, const std::string& version, Outcome& outcome);

}  // namespace veilsum::cli
