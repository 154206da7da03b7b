#include "cli/plan/plan_commands.h"

#include <cstdio>
#include <memory>

#include "cli/plan/plan_new.h"
#include "model/plan/plan_format.h"

namespace veilsum::cli {
namespace {

Outcome Configuration(const absl::Status& status) { return {status, ExitCode::kConfiguration}; }

Outcome Check(const std::string& file) {
  const absl::StatusOr<model::Plan> plan = model::ReadPlanFile(file);
  if (!plan.ok()) return Configuration(plan.status());
  if (const absl::Status runnable = model::CheckRunnable(*plan); !runnable.ok())
    return Configuration(Annotate(runnable, file));
  std::printf("%s: plan \"%s\" is good, sha256 %s\n", file.c_str(), plan->name.c_str(),
              HexEncode(model::PlanSha256(*plan)).c_str());
  return {};
}

Outcome Show(const std::string& file) {
  const absl::StatusOr<model::Plan> plan = model::ReadPlanFile(file);
  if (!plan.ok()) return Configuration(plan.status());
  std::printf("%s\n", model::PlanToJson(*plan).c_str());
  return {};
}

void Add(CLI::App& parent, const char* name, const char* about, Outcome (*run)(const std::string&),
         Outcome& outcome) {
  CLI::App* command = parent.add_subcommand(name, about);
  auto file = std::make_shared<std::string>();
  command->add_option("FILE", *file, "plan, TOML")->required();
  command->callback([file, run, &outcome] { outcome = run(*file); });
}

}  // namespace

void AddPlanCommands(CLI::App& app, Outcome& outcome) {
  CLI::App* plan = app.add_subcommand(
      "plan", "Look at plans: what is trained, on which columns, with how much privacy");
  plan->require_subcommand(1);
  plan->footer(
      "Examples:\n  veilsum plan new my.toml --data DIR\n  veilsum plan check "
      "deploy/examples/online_shoppers.toml\n"
      "  veilsum plan show deploy/examples/online_shoppers.toml");
  AddPlanNew(*plan, outcome);
  Add(*plan, "check", "Check a plan file; errors name file, line and field", &Check, outcome);
  Add(*plan, "show", "Print a plan's canonical JSON, which its SHA-256 is of", &Show, outcome);
}

}  // namespace veilsum::cli
