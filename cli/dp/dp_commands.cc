#include "cli/dp/dp_commands.h"

#include <memory>
#include <string>

#include "cli/dp/audit.h"
#include "cli/dp/privacy_query.h"

namespace veilsum::cli {
namespace {

using Answer = absl::StatusOr<std::string> (*)(const PrivacyQuery&);

// One subcommand with the flags that both share. The query lives as long as the callback.
std::shared_ptr<PrivacyQuery> AddQuery(CLI::App& parent, const std::string& name,
                                       const std::string& help, Answer answer, std::ostream& out,
                                       std::ostream& err, ExitCode& exit_code) {
  auto query = std::make_shared<PrivacyQuery>();
  CLI::App* command = parent.add_subcommand(name, help);
  command->add_option("--delta", query->delta, "target delta")->required();
  command
      ->add_option("--sampling-rate", query->sampling_rate,
                   "Poisson sampling rate: a decimal or a/b; 1 is no sampling")
      ->required();
  command->add_option("--steps", query->steps, "number of releases")->required();
  command->add_option("--mechanism", query->mechanism, "gaussian | discrete-gaussian")
      ->capture_default_str();
  command->add_option("--accountant", query->accountant, "rdp")->capture_default_str();
  command->add_option("--neighbouring", query->neighbouring, "add-remove")->capture_default_str();
  command->add_flag("--json", query->json, "one JSON object on stdout");
  command->callback([query, name, answer, &out, &err, &exit_code] {
    const absl::StatusOr<std::string> text = answer(*query);
    exit_code = text.ok() ? ExitCode::kDone : ExitCodeOfAnswer(text.status());
    if (text.ok())
      out << *text << std::flush;
    else
      err << "veilsum dp " << name << ": " << std::string(text.status().message()) << std::endl;
  });
  return query;
}

}  // namespace

void AddDpCommands(CLI::App& app, std::ostream& out, std::ostream& err, ExitCode& exit_code) {
  CLI::App* dp = app.add_subcommand("dp", "Privacy calculators");
  dp->require_subcommand(1);
  dp->footer(
      "Examples:\n  veilsum dp epsilon --noise-multiplier 1 --delta 1e-5 --sampling-rate 1/10 "
      "--steps 100\n"
      "  veilsum dp noise --epsilon 3 --delta 1e-5 --sampling-rate 1/10 --steps 100");
  const auto loss = AddQuery(*dp, "epsilon", "The privacy loss of a noise multiplier",
                             &AnswerEpsilon, out, err, exit_code);
  dp->get_subcommand("epsilon")
      ->add_option("--noise-multiplier", loss->noise_multiplier,
                   "noise standard deviation over sensitivity")
      ->required();
  const auto noise = AddQuery(*dp, "noise", "The least noise multiplier for a privacy loss",
                              &AnswerNoise, out, err, exit_code);
  dp->get_subcommand("noise")
      ->add_option("--epsilon", noise->epsilon, "target epsilon")
      ->required();
  AddAuditCommand(*dp, out, err, exit_code);
}

}  // namespace veilsum::cli
