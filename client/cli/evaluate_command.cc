#include "client/cli/evaluate_command.h"

#include <cstdio>

#include "client/cli/finish.h"

namespace veilsum::client {
namespace {

absl::Status Evaluate(const EvaluateOptions& options) {
  VEILSUM_ASSIGN_OR_RETURN(const std::shared_ptr<const Predictor> predictor,
                           LoadPredictor(options.release));
  VEILSUM_ASSIGN_OR_RETURN(const std::string text, EvaluateRows(*predictor, options.question));
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0)
    return Unavailable("stdout cannot be written");
  return absl::OkStatus();
}

}  // namespace

CLI::App* AddEvaluateCommand(CLI::App& app, EvaluateOptions& options) {
  CLI::App* evaluate = app.add_subcommand(
      "evaluate", "What recommendations are worth on known outcomes; nothing leaves the machine");
  AddReleaseOptions(*evaluate, options.release);
  AddPersonalOption(*evaluate, options.release);
  evaluate
      ->add_option("--data", options.question.data,
                   "rows as CSV or JSON lines with the plan's label too, - for stdin; of "
                   "q_learning also the reward, a customer's decisions in their order; or a "
                   "folder with the plan's tables, whose hold-out counts")
      ->type_name("DATA")
      ->required();
  evaluate->add_option("--top", options.question.top, "k of hit rate and NDCG")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  evaluate->add_option(
      "--propensity", options.question.propensity,
      "q_learning, of rows: the column with the probability of the logged action, if not "
      "the plan's");
  evaluate
      ->add_option("--explore", options.question.explore,
                   "q_learning: share of decisions with any action alike, else the best one")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  return evaluate;
}

ExitCode RunEvaluate(const EvaluateOptions& options) { return Finish(Evaluate(options)); }

}  // namespace veilsum::client
