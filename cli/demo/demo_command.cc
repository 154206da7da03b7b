#include "cli/demo/demo_command.h"

#include <memory>

#include "cli/demo/run_demo.h"

namespace veilsum::cli {

void AddDemoCommand(CLI::App& app, const std::string& version, Outcome& outcome) {
  CLI::App* demo = app.add_subcommand(
      "demo",
      "Train one model across several merchants on this machine, with real processes, and report");
  demo->footer(
      "Starts a coordinator and one client per merchant on loopback over mutual TLS, trains, "
      "scores the model on\n"
      "hold-out customers, and writes report.json, report.html, model.safetensors and logs to "
      "--out.\n\n"
      "Examples:\n"
      "  veilsum demo                                       synthetic shops\n"
      "  veilsum demo --data DIR --epsilon 3 --delta 1e-5   real data, privacy claim (3, 1e-5)\n"
      "  veilsum demo --epsilon inf --json                  without noise; the report on stdout\n"
      "  veilsum demo --drop 0.2 --min-survivors 4          clients vanish in every round");
  auto arguments = std::make_shared<DemoArguments>();
  AddDemoFlags(*demo, *arguments);
  demo->callback([arguments, &version, &outcome] {
    const absl::StatusOr<DemoOptions> options = ParseDemoOptions(*arguments);
    outcome = options.ok() ? RunDemo(*options, version) : Outcome::Usage(options.status());
  });
}

}  // namespace veilsum::cli
