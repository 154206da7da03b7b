// The operators' commands of the `veilsum` binary.
#pragma once

#include <CLI/CLI.hpp>

#include "cli/support/outcome.h"

namespace veilsum::cli {

// Each adds its command with its subcommands; `outcome` must outlive the parse.
void AddFederationCommands(CLI::App& app, Outcome& outcome);  // federation init|issuer
void AddTenantCommands(CLI::App& app, Outcome& outcome);  // tenant …, client revoke, token create
void AddRunCommands(CLI::App& app, Outcome& outcome);     // run start|watch|stop|model|tune
void AddDataCommands(CLI::App& app, Outcome& outcome);    // data generate

}  // namespace veilsum::cli
