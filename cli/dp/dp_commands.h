// `veilsum dp epsilon`, `noise`, `curve`, `explain` and `events`: the accountants on the command
// line (flags and JSON keys are a contract).
#pragma once

#include <CLI/CLI.hpp>
#include <ostream>

#include "base/exit_code.h"
#include "base/status.h"

namespace veilsum::cli {

// Adds `dp` with its subcommands to `app`. When one runs, its result goes to `out`, an error
// message to `err`, and the process's exit code to `exit_code` (kUsage for a value out of range, or
// an accountant or mechanism that this build lacks). All three must outlive app.parse.
void AddDpCommands(CLI::App& app, std::ostream& out, std::ostream& err, ExitCode& exit_code);

}  // namespace veilsum::cli
