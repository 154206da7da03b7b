// veilsum-client: a merchant's node. main only wires.
#include <CLI/CLI.hpp>
#include <cstdio>

#include "base/exit_code.h"
#include "base/process.h"
#include "client/cli/config.h"
#include "client/cli/enroll_command.h"
#include "client/cli/evaluate_command.h"
#include "client/cli/evidence_command.h"
#include "client/cli/explain_command.h"
#include "client/cli/fairness_command.h"
#include "client/cli/model_command.h"
#include "client/cli/odometer_command.h"
#include "client/cli/personalise_command.h"
#include "client/cli/predict_command.h"
#include "client/cli/preflight_command.h"
#include "client/cli/recommend_command.h"
#include "client/cli/renew_command.h"
#include "client/cli/run_command.h"
#include "client/cli/segments_command.h"
#include "client/cli/serve_command.h"
#include "client/cli/shrink_command.h"
#include "client/cli/state_command.h"
#include "client/policy/policy.h"

namespace {

int Finish(const absl::Status& status, veilsum::ExitCode code) {
  if (!status.ok())
    std::fprintf(stderr, "veilsum-client: %s\n", std::string(status.message()).c_str());
  return static_cast<int>(code);
}

int Run(const std::string& config_file, const std::vector<std::string>& settings, bool check,
        bool stay) {
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
  const absl::Status status = veilsum::client::RunClient(*config, stay);
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
  bool stay = false;
  run->add_flag("--stay", stay, "Then wait for the next run, and take part in each, until stopped");
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
      "Check this node instead: certificate, clock, dns, coordinator, mtu, disk, gpu, policy");
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
  CLI::App* renew = app.add_subcommand(
      "renew", "Fetch fresh certificates for the same keys; for an operator, from a timer");
  std::string operator_config;
  CLI::Option_group* whose = renew->add_option_group("whose");
  whose->add_option("--config", config, "client.toml: this node's")->type_name("FILE");
  whose->add_option("--operator", operator_config, "operator.toml: an operator's")
      ->type_name("FILE");
  whose->require_option(1);
  veilsum::client::PredictOptions predict_options;
  CLI::App* predict = veilsum::client::AddPredictCommand(app, predict_options);
  veilsum::client::RecommendOptions recommend_options;
  CLI::App* recommend = veilsum::client::AddRecommendCommand(app, recommend_options);
  veilsum::client::EvaluateOptions evaluate_options;
  CLI::App* evaluate = veilsum::client::AddEvaluateCommand(app, evaluate_options);
  veilsum::client::FairnessOptions fairness_options;
  CLI::App* fairness = veilsum::client::AddFairnessCommand(app, fairness_options);
  veilsum::client::ExplainOptions explain_options;
  CLI::App* explain = veilsum::client::AddExplainCommand(app, explain_options);
  veilsum::client::SegmentsOptions segments_options;
  CLI::App* segments = veilsum::client::AddSegmentsCommand(app, segments_options);
  veilsum::client::ServeOptions serve_options;
  CLI::App* serve = veilsum::client::AddServeCommand(app, serve_options);
  veilsum::client::ModelArguments model_arguments;
  const veilsum::client::ModelCommands model =
      veilsum::client::AddModelCommands(app, model_arguments);
  veilsum::client::PersonaliseOptions personalise_options;
  const CLI::App* personalise =
      veilsum::client::AddPersonaliseCommand(*app.get_subcommand("model"), personalise_options);
  veilsum::client::ShrinkOptions shrink_options;
  const CLI::App* shrink =
      veilsum::client::AddShrinkCommand(*app.get_subcommand("model"), shrink_options);
  veilsum::client::StateArguments statement;
  const veilsum::client::StateCommands state = veilsum::client::AddStateCommands(app, statement);
  veilsum::client::EvidenceArguments evidence_arguments;
  const CLI::App* evidence = veilsum::client::AddEvidenceCommand(app, evidence_arguments);
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
  if (evidence->parsed()) return static_cast<int>(veilsum::client::RunEvidence(evidence_arguments));
  if (renew->parsed()) {
    const absl::Status status = operator_config.empty()
                                    ? veilsum::client::RenewNode(config)
                                    : veilsum::client::RenewOperator(operator_config);
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
  if (state.policy->parsed() || state.data->parsed() || state.erased->parsed())
    return static_cast<int>(veilsum::client::RunState(state, statement));
  if (predict->parsed()) return static_cast<int>(veilsum::client::RunPredict(predict_options));
  if (recommend->parsed())
    return static_cast<int>(veilsum::client::RunRecommend(recommend_options));
  if (evaluate->parsed()) return static_cast<int>(veilsum::client::RunEvaluate(evaluate_options));
  if (fairness->parsed()) return static_cast<int>(veilsum::client::RunFairness(fairness_options));
  if (explain->parsed()) return static_cast<int>(veilsum::client::RunExplain(explain_options));
  if (segments->parsed()) return static_cast<int>(veilsum::client::RunSegments(segments_options));
  if (serve->parsed())
    return static_cast<int>(veilsum::client::RunServe(serve_options, VEILSUM_VERSION));
  if (model.import->parsed())
    return static_cast<int>(
        veilsum::client::RunModelImport(model_arguments.import, VEILSUM_VERSION));
  if (model.update->parsed())
    return static_cast<int>(
        veilsum::client::RunModelUpdate(model_arguments.update, VEILSUM_VERSION));
  if (model.compare->parsed())
    return static_cast<int>(veilsum::client::RunModelCompare(model_arguments.compare));
  if (model.status->parsed())
    return static_cast<int>(veilsum::client::RunModelStatus(model_arguments.store));
  if (personalise->parsed())
    return static_cast<int>(veilsum::client::RunPersonalise(personalise_options));
  if (shrink->parsed())
    return static_cast<int>(veilsum::client::RunShrink(shrink_options, VEILSUM_VERSION));
  return Run(config, settings, check->parsed(), stay);
}
