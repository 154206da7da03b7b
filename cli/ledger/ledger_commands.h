// `veilsum ledger`: what an operator asks of the ledger that a coordinator has written as files
// (docs/formats.md, Bundle). Reads only.
#pragma once

#include <CLI/CLI.hpp>

#include "cli/support/outcome.h"

namespace veilsum::cli {

void AddLedgerCommands(CLI::App& app, Outcome& outcome);

}  // namespace veilsum::cli
