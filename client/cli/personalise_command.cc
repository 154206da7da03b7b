#include "client/cli/personalise_command.h"

#include <cstdio>
#include <nlohmann/json.hpp>

#include "client/cli/finish.h"
#include "client/data/dataset.h"

namespace veilsum::client {
namespace {

std::string PersonaliseJson(const PersonaliseOptions& options, const Personalised& made) {
  const model::Difference& quality = made.quality.difference;
  const nlohmann::ordered_json line = {{"part", options.all ? "all" : "head"},
                                       {"customers", made.customers},
                                       {"numbers_moved", made.moved},
                                       {"holdout_rows", made.quality.rows},
                                       {"figure", made.quality.figure},
                                       {"before", quality.before},
                                       {"after", quality.after},
                                       {"difference", quality.value},
                                       {"interval", {quality.low, quality.high}},
                                       {"release", HexEncode(made.model.parent())},
                                       {"personal", options.out}};
  return line.dump();
}

absl::Status MakePersonal(const PersonaliseOptions& options) {
  VEILSUM_ASSIGN_OR_RETURN(const release::Release release, LoadRelease(options.release));
  VEILSUM_ASSIGN_OR_RETURN(const Dataset data,
                           LoadDataset(release.plan, {options.data.begin(), options.data.end()}));
  Personalisation terms = options.terms;
  if (options.all) terms.part = PersonalPart::kAll;
  SystemRng rng;
  VEILSUM_ASSIGN_OR_RETURN(const Personalised made,
                           Personalise(release, data.training, data.holdout, terms, rng));
  VEILSUM_RETURN_IF_ERROR(CheckIsBetter(made.quality));
  VEILSUM_RETURN_IF_ERROR(made.model.Save(options.out));
  std::printf("%s\n", PersonaliseJson(options, made).c_str());
  return absl::OkStatus();
}

}  // namespace

CLI::App* AddPersonaliseCommand(CLI::App& model, PersonaliseOptions& options) {
  CLI::App* personalise = model.add_subcommand(
      "personalise",
      "Fit a release to this merchant's own customers, for this merchant alone: it must stay here");
  AddReleaseOptions(*personalise, options.release);
  personalise
      ->add_option("--data", options.data,
                   "the merchant's folders: training customers teach, the hold-out measures")
      ->type_name("DIR")
      ->required();
  personalise->add_option("--out", options.out, "file to write, 0600: as private as the data")
      ->type_name("FILE")
      ->required();
  personalise->add_flag("--all", options.all,
                        "move all parameters, not only the last layer and linear paths");
  personalise->add_option("--steps", options.terms.steps, "of training")
      ->check(CLI::Range(1u, 1'000'000u))
      ->capture_default_str();
  personalise->add_option("--learning-rate", options.terms.learning_rate, "of Adam")
      ->check(CLI::Range(1e-9, 1.0))
      ->capture_default_str();
  personalise
      ->add_option("--pull", options.terms.pull,
                   "how hard parameters are held at the release's: half of this times the squared "
                   "distance is added to a customer's mean loss")
      ->check(CLI::Range(0.0, 1e6))
      ->capture_default_str();
  return personalise;
}

ExitCode RunPersonalise(const PersonaliseOptions& options) { return Finish(MakePersonal(options)); }

}  // namespace veilsum::client
