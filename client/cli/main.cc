// veilsum-client: a merchant's node. main only wires.
#include <CLI/CLI.hpp>
#include <cstdio>

#include "base/exit_code.h"
#include "base/process.h"
#include "client/cli/config.h"
#include "client/cli/enroll_command.h"
#include "client/cli/model_command.h"
#include "client/cli/odometer_command.h"
#include "client/cli/predict_command.h"
#include "client/cli/preflight_command.h"
#include "client/cli/run_command.h"
#include "client/policy/policy.h"

namespace {

int Finish(const absl::Status& status, veilsum::ExitCode code) {
  if (!status.ok())
    std::fprintf(stderr, "veilsum-client: %s\n", std::string(status.message()).c_str());
  return static_cast<int>(code);
}

int Run(const std::string& config_file, const std::vector<std::string>& settings, bool check) {
  const auto config = veilsum::client::ReadClientConfig(config_file, settings);
  if (!config.ok()) return Finish(config.status(), veilsum::ExitCode::kConfiguration);
  if (check) {
    const auto keys =
        veilsum::client::ClientKeys::Load(config->keys, std::chrono::system_clock::now());
    const auto policy = veilsum::client::LoadPolicy(config->policy);
    const absl::Status status = keys.ok() ? policy.status() : keys.status();
    return Finish(status,
                  status.ok() ? veilsum::ExitCode::kDone : veilsum::ExitCode::kConfiguration);
  }
  const absl::Status status = veilsum::client::RunClient(*config);
  return Finish(status, veilsum::ExitCodeOf(status));
}

}  // namespace

int main(int argc, char** argv) {
  veilsum::InitialiseProcess();
  CLI::App app(
      "A merchant's node: trains at home, clips, adds its share of noise, masks, and only then "
      "sends.",
      "veilsum-client");
  app.set_version_flag("--version", "veilsum-client " VEILSUM_VERSION);
  app.require_subcommand(1);
  app.failure_message([](const CLI::App*, const CLI::Error& error) {
    return "veilsum-client: " + std::string(error.what()) +
           "\nRun with --help for more information.\n";
  });
  std::string config;
  std::vector<std::string> settings;
  bool json = false;
  CLI::App* run = app.add_subcommand("run", "Take part in the coordinator's run until it ends");
  run->add_option("--config", config, "client.toml")->type_name("FILE")->required();
  CLI::App* check = app.add_subcommand(
      "check-config", "Read the configuration, the keys and the policy, and start nothing");
  check->add_option("--config", config, "client.toml")->type_name("FILE")->required();
  for (CLI::App* command : {run, check})
    command
        ->add_option("--set", settings, "Wins over VEILSUM_SECTION_NAME, which wins over the file")
        ->type_name("SECTION.NAME=VALUE");
  CLI::App* preflight = app.add_subcommand(
      "preflight", "Check this merchant's data against the plan; nothing leaves the machine");
  preflight->add_option("--config", config, "client.toml")->type_name("FILE")->required();
  preflight->add_flag("--json", json, "One line of JSON on stdout");
  bool node = false;
  preflight->add_flag(
      "--node", node,
      "Check this node instead: certificate, clock, dns, coordinator, disk, policy");
  CLI::App* odometer = app.add_subcommand(
      "odometer", "What this merchant's customers have paid so far, and what is left");
  odometer->add_option("--config", config, "client.toml; required")->type_name("FILE");
  odometer->add_flag("--json", json, "One line of JSON on stdout");
  std::string reason;
  CLI::App* open_epoch = odometer->add_subcommand("open-epoch",
                                                  "Open a fresh budget for new customers; whoever "
                                                  "was used before stays in the old epoch, which "
                                                  "is closed for good");
  open_epoch->add_option("--config", config, "client.toml")->type_name("FILE")->required();
  open_epoch->add_option("--reason", reason, "Why; kept in the odometer")->required();
  open_epoch->add_flag("--json", json, "One line of JSON on stdout");
  veilsum::client::PredictOptions predict_options;
  CLI::App* predict =
      app.add_subcommand("predict", "A released model's predictions; nothing leaves the machine");
  CLI::Option* package =
      predict->add_option("--package", predict_options.package, "folder of a release")
          ->type_name("PKG");
  predict
      ->add_option("--store", predict_options.store, "this machine's releases: the one that serves")
      ->type_name("DIR")
      ->excludes(package);
  predict
      ->add_option("--key", predict_options.key,
                   "the release key, PEM; default: release.pub.pem beside the package")
      ->type_name("FILE");
  predict
      ->add_option("--data", predict_options.data,
                   "rows as CSV or JSON lines, - for stdin, or a folder with the plan's tables")
      ->type_name("DATA")
      ->required();
  predict->add_flag("--json", predict_options.json, "JSON lines on stdout instead of CSV");
  predict->add_flag("--explain", predict_options.explain,
                    "What each column adds to the logit: integrated gradients from an empty row");
  CLI::App* model = app.add_subcommand("model", "The releases on this machine");
  model->require_subcommand(1);
  veilsum::client::ModelImport import_options;
  CLI::App* import = model->add_subcommand(
      "import", "Verify and install a release from a folder, without a network; exit 2: refused");
  import->add_option("PKG", import_options.package, "folder of the release")->required();
  import
      ->add_option("--metadata", import_options.metadata,
                   "a copy of the repository: metadata/ and director/")
      ->type_name("DIR")
      ->required();
  import->add_option("--store", import_options.store, "this machine's releases")
      ->type_name("DIR")
      ->required();
  import->add_option("--client", import_options.client, "own SPIFFE ID")->required();
  import
      ->add_option("--root", import_options.root,
                   "for a new store: the first root, received out of band")
      ->type_name("FILE");
  import->add_option("--epsilon-max", import_options.epsilon_max,
                     "refuse releases with a larger epsilon");
  std::string store;
  CLI::App* status = model->add_subcommand("status", "What serves, and what is kept");
  status->add_option("--store", store, "this machine's releases")->type_name("DIR")->required();
  veilsum::client::EnrollArguments enrolment;
  CLI::App* enroll = veilsum::client::AddEnrollCommand(app, enrolment);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : static_cast<int>(veilsum::ExitCode::kUsage);
  }
  if (enroll->parsed()) {
    const absl::Status status = veilsum::client::RunEnroll(enrolment);
    return Finish(status, veilsum::ExitCodeOf(status));
  }
  if (preflight->parsed() && node)
    return static_cast<int>(veilsum::client::RunNodePreflight(config));
  if (preflight->parsed()) return static_cast<int>(veilsum::client::RunPreflight(config, json));
  if (open_epoch->parsed())
    return static_cast<int>(veilsum::client::RunOpenEpoch(config, reason, json));
  if (odometer->parsed() && config.empty()) {
    std::fputs("veilsum-client: --config is required\nRun with --help for more information.\n",
               stderr);
    return static_cast<int>(veilsum::ExitCode::kUsage);
  }
  if (odometer->parsed()) return static_cast<int>(veilsum::client::RunOdometer(config, json));
  if (predict->parsed()) return static_cast<int>(veilsum::client::RunPredict(predict_options));
  if (import->parsed())
    return static_cast<int>(veilsum::client::RunModelImport(import_options, VEILSUM_VERSION));
  if (status->parsed()) return static_cast<int>(veilsum::client::RunModelStatus(store));
  return Run(config, settings, check->parsed());
}
