// veilsum-coordinator: adds masked updates, keeps the run. main only wires.
#include <CLI/CLI.hpp>
#include <cstdio>

#include "base/exit_code.h"
#include "base/process.h"
#include "coordinator/cli/backup_commands.h"
#include "coordinator/cli/record_command.h"
#include "coordinator/cli/serve_command.h"

int main(int argc, char** argv) {
  veilsum::InitialiseProcess();
  CLI::App app("The coordinator of a federation: it sees one noisy sum a round, and nothing else.",
               "veilsum-coordinator");
  app.set_version_flag("--version", "veilsum-coordinator " VEILSUM_VERSION);
  app.require_subcommand(1);
  app.failure_message([](const CLI::App*, const CLI::Error& error) {
    return "veilsum-coordinator: " + std::string(error.what()) +
           "\nRun with --help for more information.\n";
  });
  std::string config;
  std::vector<std::filesystem::path> configs;
  CLI::App* serve = app.add_subcommand(
      "serve", "Serve a federation, or several, until SIGTERM; unfinished runs are continued");
  CLI::App* check =
      app.add_subcommand("check-config", "Read the configuration and the keys, and start nothing");
  std::vector<std::string> settings;
  for (CLI::App* command : {serve, check}) {
    command->add_option("--config", configs, "coordinator.toml; once for each federation")
        ->type_name("FILE")
        ->allow_extra_args(false)
        ->required();
    command
        ->add_option("--set", settings, "Wins over VEILSUM_SECTION_NAME, which wins over the file")
        ->type_name("SECTION.NAME=VALUE");
  }
  CLI::App* backup = app.add_subcommand(
      "backup", "Copy store, records and configuration, also while it runs; no private keys");
  CLI::App* restore =
      app.add_subcommand("restore", "Put a backup in the place of a store that is gone");
  CLI::App* fsck = app.add_subcommand(
      "fsck",
      "Check the store, its ledger, that both agree, and tenants' records; repairs nothing");
  for (CLI::App* command : {backup, restore, fsck})
    command->add_option("--config", config, "coordinator.toml")->type_name("FILE")->required();
  std::string folder;
  backup->add_option("--out", folder, "A new folder")->type_name("DIR")->required();
  restore->add_option("--from", folder, "The folder that backup made")
      ->type_name("DIR")
      ->required();
  veilsum::coordinator::RecordArguments arguments;
  const CLI::App* record = veilsum::coordinator::AddRecordCommand(app, arguments);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : static_cast<int>(veilsum::ExitCode::kUsage);
  }
  namespace node = veilsum::coordinator;
  if (backup->parsed()) return static_cast<int>(node::RunBackup(config, folder));
  if (restore->parsed()) return static_cast<int>(node::RunRestore(config, folder));
  if (fsck->parsed()) return static_cast<int>(node::RunFsck(config));
  const absl::Status status = record->parsed() ? veilsum::coordinator::Record(arguments)
                              : serve->parsed()
                                  ? veilsum::coordinator::Serve(configs, settings)
                                  : veilsum::coordinator::CheckConfigs(configs, settings);
  if (status.ok()) return 0;
  std::fprintf(stderr, "veilsum-coordinator: %s\n", std::string(status.message()).c_str());
  const bool configuration =
      check->parsed() || absl::IsInvalidArgument(status) || absl::IsNotFound(status);
  return static_cast<int>(configuration ? veilsum::ExitCode::kConfiguration
                                        : veilsum::ExitCodeOf(status));
}
