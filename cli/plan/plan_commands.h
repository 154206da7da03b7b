// `veilsum plan check FILE` and `veilsum plan show FILE`.
#pragma once

#include <CLI/CLI.hpp>

#include "cli/support/outcome.h"

namespace veilsum::cli {

// Adds `plan` with its subcommands. A plan that cannot be used ends with exit code 78. `outcome`
// must outlive the parse.
void AddPlanCommands(CLI::App& app, Outcome& outcome);

}  // namespace veilsum::cli
