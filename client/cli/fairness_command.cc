#include "client/cli/fairness_command.h"

#include "client/cli/finish.h"

namespace veilsum::client {
namespace {

absl::Status PrintFairness(const FairnessOptions& options) {
  VEILSUM_ASSIGN_OR_RETURN(const std::shared_ptr<const Predictor> predictor,
                           LoadPredictor(options.release));
  VEILSUM_ASSIGN_OR_RETURN(const Fairness fairness, GroupFairness(*predictor, options.question));
  return PrintResult(options.json ? FairnessJson(*predictor, options.question, fairness)
                                  : FairnessText(options.question, fairness));
}

}  // namespace

CLI::App* AddFairnessCommand(CLI::App& app, FairnessOptions& options) {
  CLI::App* fairness = app.add_subcommand(
      "fairness", "How a released model treats groups of customers; nothing leaves the machine");
  AddReleaseOptions(*fairness, options.release);
  AddPersonalOption(*fairness, options.release);
  FairnessQuestion& question = options.question;
  fairness
      ->add_option(
          "--data", question.data,
          "rows as CSV or JSON lines with the plan's label and the group, - for stdin, or a "
          "folder with the plan's tables, whose hold-out counts")
      ->type_name("DATA")
      ->required();
  fairness
      ->add_option("--group", question.group,
                   "the column that names a row's group; the model need not read it; of a folder "
                   "TABLE.COLUMN, or a column of the label's table")
      ->type_name("COLUMN")
      ->required();
  fairness->add_option("--threshold", question.terms.threshold, "a probability from it on selects")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  fairness
      ->add_option("--min-group", question.terms.min_group,
                   "rows; smaller groups are named, without figures")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  fairness->add_flag("--json", options.json, "One line of JSON on stdout");
  return fairness;
}

ExitCode RunFairness(const FairnessOptions& options) { return Finish(PrintFairness(options)); }

}  // namespace veilsum::client
