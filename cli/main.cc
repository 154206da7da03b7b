// The `veilsum` program: wires subcommands, nothing else.
#include <CLI/CLI.hpp>
#include <iostream>
#include <utility>

#include "base/process.h"
#include "cli/demo/demo_command.h"
#include "cli/dp/dp_commands.h"
#include "cli/ledger/ledger_commands.h"
#include "cli/operate/operate_commands.h"
#include "cli/plan/plan_commands.h"
#include "cli/release/release_commands.h"
#include "cli/rollout/rollout_commands.h"
#include "cli/support/outcome.h"

int main(int argc, char** argv) {
  using namespace veilsum;
  InitialiseProcess();
  const std::string version = VEILSUM_VERSION;
  CLI::App app(
      "Veilsum: merchants train one model together without showing each other, or anyone, their "
      "customers.",
      "veilsum");
  app.set_version_flag("--version", "veilsum " + version);
  app.require_subcommand(1);
  app.footer(
      "Exit codes: 0 done, 1 failed, 2 wrong data, 64 wrong use, 70 our bug, 75 try again, 77 not "
      "allowed,\n"
      "78 bad configuration.\n\n"
      "Examples:\n"
      "  veilsum demo --epsilon 3 --delta 1e-5\n"
      "  veilsum demo --help");
  cli::Outcome outcome;
  cli::AddDemoCommand(app, version, outcome);
  cli::AddPlanCommands(app, outcome);
  cli::AddReleaseCommands(app, version, outcome);
  cli::AddRolloutCommands(app, outcome);
  cli::AddLedgerCommands(app, outcome);
  cli::AddFederationCommands(app, outcome);
  cli::AddTenantCommands(app, outcome);
  cli::AddRunCommands(app, outcome);
  cli::AddDataCommands(app, outcome);
  ExitCode dp_exit = ExitCode::kDone;
  cli::AddDpCommands(app, std::cout, std::cerr, dp_exit);
  app.failure_message([](const CLI::App*, const CLI::Error& error) {
    return "veilsum: " + std::string(error.what()) + "\nRun with --help for more information.\n";
  });
  const auto named = [&](const CLI::App* command) { return command->check_name(argv[1]); };
  if (argc > 1 && argv[1][0] != '-' && std::as_const(app).get_subcommands(named).empty()) {
    std::cerr << "veilsum: there is no command \"" << argv[1]
              << "\"\nRun with --help for more information.\n";
    return static_cast<int>(ExitCode::kUsage);
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : static_cast<int>(ExitCode::kUsage);
  }
  if (dp_exit != ExitCode::kDone) return static_cast<int>(dp_exit);
  return cli::Finish(outcome);
}
