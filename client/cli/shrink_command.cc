#include "client/cli/shrink_command.h"

#include <cstdio>
#include <nlohmann/json.hpp>

#include "base/pki/credentials.h"
#include "client/cli/finish.h"
#include "client/data/dataset.h"

namespace veilsum::client {
namespace {

absl::StatusOr<SmallModel> MakeSmall(const release::Release& release,
                                     const ShrinkOptions& options) {
  if (options.method == "prune") return Prune(release, options.hidden);
  SystemRng rng;
  return Distil(release, options.hidden, options.distillation, rng);
}

std::string ShrinkJson(const ShrinkOptions& options, const SmallFigures& f) {
  const auto ratio = [](double after, double before) { return before > 0 ? after / before : 0.0; };
  const model::Difference& quality = f.quality.difference;
  const nlohmann::ordered_json line = {{"method", options.method},
                                       {"hidden", options.hidden},
                                       {"holdout_rows", f.quality.rows},
                                       {"figure", f.quality.figure},
                                       {"before", quality.before},
                                       {"after", quality.after},
                                       {"difference", quality.value},
                                       {"interval", {quality.low, quality.high}},
                                       {"numbers_before", f.numbers_before},
                                       {"numbers_after", f.numbers_after},
                                       {"size_ratio", ratio(static_cast<double>(f.numbers_after),
                                                            static_cast<double>(f.numbers_before))},
                                       {"time_ratio", ratio(f.seconds_after, f.seconds_before)},
                                       {"package", options.out}};
  return line.dump();
}

absl::Status Shrink(const ShrinkOptions& options, const std::string& version) {
  VEILSUM_ASSIGN_OR_RETURN(const release::Release release, LoadRelease(options.release));
  VEILSUM_ASSIGN_OR_RETURN(const SecretText pem, ReadPrivateKey(options.sign_key));
  VEILSUM_ASSIGN_OR_RETURN(const P256Signer signer, P256Signer::FromPem(pem));
  VEILSUM_ASSIGN_OR_RETURN(const Dataset data,
                           LoadDataset(release.plan, {options.data.begin(), options.data.end()}));
  VEILSUM_ASSIGN_OR_RETURN(const SmallModel small, MakeSmall(release, options));
  VEILSUM_ASSIGN_OR_RETURN(const SmallFigures figures, MeasureSmall(release, small, data.holdout));
  VEILSUM_RETURN_IF_ERROR(CheckLoss(figures, options.max_loss));
  const std::string id =
      options.model_id.empty() ? release.manifest.model_id + "-small" : options.model_id;
  VEILSUM_ASSIGN_OR_RETURN(release::Files files,
                           PackageOf(release, small, id, "veilsum-client " + version));
  VEILSUM_RETURN_IF_ERROR(release::SignPackage(files, signer));
  VEILSUM_RETURN_IF_ERROR(release::OpenPackage(files, signer.public_key()).status());
  VEILSUM_RETURN_IF_ERROR(release::WritePackage(files, options.out));
  std::printf("%s\n", ShrinkJson(options, figures).c_str());
  return absl::OkStatus();
}

}  // namespace

CLI::App* AddShrinkCommand(CLI::App& model, ShrinkOptions& options) {
  CLI::App* shrink = model.add_subcommand(
      "shrink", "Make a release smaller: fewer hidden units, as good on this merchant's hold-out");
  AddReleaseOptions(*shrink, options.release);
  shrink->add_option("--hidden", options.hidden, "units of each hidden layer: 32,16")
      ->delimiter(',')
      ->required();
  shrink->add_option("--data", options.data, "the merchant's folders: the hold-out measures")
      ->type_name("DIR")
      ->required();
  shrink->add_option("--out", options.out, "folder to make")->type_name("PKG")->required();
  shrink->add_option("--sign-key", options.sign_key, "key of the new package, P-256, PEM, 0600")
      ->type_name("FILE")
      ->required();
  shrink->add_option("--model-id", options.model_id, "default: the release's with -small");
  shrink
      ->add_option("--method", options.method,
                   "prune: drop units; distil: then teach the rest on generated rows")
      ->check(CLI::IsMember({"prune", "distil"}))
      ->capture_default_str();
  shrink
      ->add_option("--max-loss", options.max_loss,
                   "of ROC-AUC or accuracy, or of an error as a share of it, beyond which nothing "
                   "is written")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  shrink->add_option("--steps", options.distillation.steps, "distil: of training")
      ->check(CLI::Range(1u, 1'000'000u))
      ->capture_default_str();
  shrink->add_option("--rows", options.distillation.rows, "distil: generated")
      ->check(CLI::Range(512u, 1u << 20))
      ->capture_default_str();
  return shrink;
}

ExitCode RunShrink(const ShrinkOptions& options, const std::string& version) {
  return Finish(Shrink(options, version));
}

}  // namespace veilsum::client
