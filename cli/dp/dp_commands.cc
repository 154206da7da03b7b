#include "cli/dp/dp_commands.h"

#include <memory>
#include <string>

#include "cli/dp/audit.h"
#include "cli/dp/privacy_query.h"

namespace veilsum::cli {
namespace {

using Answer = absl::StatusOr<std::string> (*)(const PrivacyQuery&);

struct Streams {
  std::ostream& out;
  std::ostream& err;
  ExitCode& exit_code;
};

struct Command {
  CLI::App* app;
  std::shared_ptr<PrivacyQuery> query;  // lives as long as the callback
};

// A subcommand with the flags that all share.
Command AddCommand(CLI::App& parent, const std::string& name, const std::string& help,
                   Answer answer, const Streams& streams) {
  auto query = std::make_shared<PrivacyQuery>();
  CLI::App* command = parent.add_subcommand(name, help);
  command->add_option("--delta", query->delta, "target delta")->required();
  command->add_option("--accountant", query->accountant, "pld (the tightest) | rdp")
      ->capture_default_str();
  command->add_option("--neighbouring", query->neighbouring, "add-remove | replace-one")
      ->capture_default_str();
  command->add_flag("--json", query->json, "one JSON object on stdout");
  command->callback([query, name, answer, streams] {
    const absl::StatusOr<std::string> text = answer(*query);
    streams.exit_code = text.ok() ? ExitCode::kDone : ExitCodeOfAnswer(text.status());
    if (text.ok())
      streams.out << *text << std::flush;
    else
      streams.err << "veilsum dp " << name << ": " << std::string(text.status().message())
                  << std::endl;
  });
  return {command, query};
}

// The flags of one mechanism.
Command WithMechanism(Command command) {
  CLI::App& app = *command.app;
  PrivacyQuery& query = *command.query;
  app.add_option("--sampling-rate", query.sampling_rate,
                 "Poisson sampling rate: a decimal or a/b; 1 is no sampling")
      ->required();
  app.add_option("--steps", query.steps, "number of releases")->required();
  app.add_option("--mechanism", query.mechanism, "gaussian | discrete-gaussian | skellam | laplace")
      ->capture_default_str();
  app.add_option(
         "--bands", query.bands,
         "of a banded matrix factorisation; 1 is DP-SGD (--sampling-rate is over all groups)")
      ->capture_default_str();
  app.add_option("--merchants", query.merchants, "merchants at which one person's rows are")
      ->capture_default_str();
  app.add_option("--sensitivity", query.sensitivity,
                 "integer noise: L2 sensitivity on the grid; 0 is a grid too fine to matter")
      ->capture_default_str();
  app.add_option("--sensitivity-l1", query.sensitivity_l1,
                 "skellam: L1 sensitivity on the grid; 0 is the largest possible")
      ->capture_default_str();
  app.add_option("--dimension", query.dimension, "integer noise: coordinates of the sum")
      ->capture_default_str();
  return command;
}

Command WithNoise(Command command) {
  command = WithMechanism(command);
  command.app
      ->add_option("--noise-multiplier", command.query->noise_multiplier,
                   "noise standard deviation over sensitivity (laplace: scale)")
      ->required();
  return command;
}

}  // namespace

void AddDpCommands(CLI::App& app, std::ostream& out, std::ostream& err, ExitCode& exit_code) {
  CLI::App* dp = app.add_subcommand("dp", "Privacy calculators");
  dp->require_subcommand(1);
  dp->footer(
      "Examples:\n  veilsum dp epsilon --noise-multiplier 1 --delta 1e-5 --sampling-rate 1/10 "
      "--steps 100\n"
      "  veilsum dp noise --epsilon 3 --delta 1e-5 --sampling-rate 1/10 --steps 100");
  const Streams streams{out, err, exit_code};
  WithNoise(AddCommand(*dp, "epsilon", "The privacy loss of a noise multiplier", &AnswerEpsilon,
                       streams));
  const Command noise = WithMechanism(AddCommand(
      *dp, "noise", "The least noise multiplier for a privacy loss", &AnswerNoise, streams));
  noise.app->add_option("--epsilon", noise.query->epsilon, "target epsilon")->required();
  WithNoise(
      AddCommand(*dp, "curve", "The privacy loss over steps, as a plot", &AnswerCurve, streams));
  WithNoise(
      AddCommand(*dp, "explain", "What a privacy loss means, in words", &AnswerExplain, streams));
  const Command bands =
      AddCommand(*dp, "bands", "The numbers of bands that a run could have, the best first",
                 &AnswerBands, streams);
  bands.app->add_option("--epsilon", bands.query->epsilon, "target epsilon")->required();
  bands.app
      ->add_option("--sampling-rate", bands.query->sampling_rate, "of DP-SGD: a decimal or a/b")
      ->required();
  bands.app->add_option("--steps", bands.query->steps, "number of steps")->required();
  bands.app->add_option("--most-bands", bands.query->most_bands, "at most so many")
      ->capture_default_str();
  const Command events = AddCommand(*dp, "events", "The privacy loss of a JSON list of events",
                                    &AnswerEvents, streams);
  events.app->add_option("file", events.query->file, "JSON file")->required();
  AddAuditCommand(*dp, out, err, exit_code);
}

}  // namespace veilsum::cli
