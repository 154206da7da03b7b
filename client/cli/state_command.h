// `veilsum-client state`: what a merchant states in its federation's ledger, signed here and handed
// to whoever runs the coordinator.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "base/exit_code.h"

namespace veilsum::client {

// As typed.
struct StateArguments {
  std::string config = "", out = "", unit = "", manifest = "", kind = "", digest = "";
  std::uint64_t persons = 0, overlap = 0, rows = 1;
};

struct StateCommands {
  CLI::App* policy;
  CLI::App* data;
  CLI::App* erased;
};

// Adds the subcommands; `arguments` must outlive the parse.
StateCommands AddStateCommands(CLI::App& app, StateArguments& arguments);

// Writes the signed statement to `out`, a new file; with `data --manifest` its salt and value are
// kept in disclosures.sqlite beside the odometer, and `erased --kind disclosure --digest` erases
// them there once the statement is signed; after an error it may be typed again. kConfiguration for
// a bad configuration, kUsage for values that cannot be stated.
ExitCode RunState(const StateCommands& commands, const StateArguments& arguments);

}  // namespace veilsum::client
