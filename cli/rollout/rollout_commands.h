// `veilsum rollout`: a signed release to some merchants' clients first, then to all.
#pragma once

#include <CLI/CLI.hpp>

#include "cli/support/outcome.h"

namespace veilsum::cli {

// `outcome` must outlive the parse.
void AddRolloutCommands(CLI::App& app, Outcome& outcome);

}  // namespace veilsum::cli
