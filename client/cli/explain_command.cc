#include "client/cli/explain_command.h"

#include "client/cli/finish.h"

namespace veilsum::client {
namespace {

absl::Status Explain(const ExplainOptions& options) {
  VEILSUM_ASSIGN_OR_RETURN(const std::shared_ptr<const Predictor> predictor,
                           LoadPredictor(options.release));
  VEILSUM_ASSIGN_OR_RETURN(const Importance importance,
                           MeasureImportance(*predictor, options.question));
  return PrintResult(options.json ? ImportanceJson(*predictor, importance)
                                  : ImportanceText(importance));
}

}  // namespace

CLI::App* AddExplainCommand(CLI::App& app, ExplainOptions& options) {
  CLI::App* explain = app.add_subcommand(
      "explain", "Which columns move a released model's predictions; nothing leaves the machine");
  AddReleaseOptions(*explain, options.release);
  AddPersonalOption(*explain, options.release);
  explain
      ->add_option("--data", options.question.data,
                   "rows as CSV or JSON lines, - for stdin, or a folder with the plan's tables")
      ->type_name("DATA")
      ->required();
  explain
      ->add_option("--sample", options.question.sample, "rows that are explained, drawn from all")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  explain->add_option("--seed", options.question.seed, "of the draw")->capture_default_str();
  explain->add_flag("--json", options.json, "One line of JSON on stdout");
  return explain;
}

ExitCode RunExplain(const ExplainOptions& options) { return Finish(Explain(options)); }

}  // namespace veilsum::client
