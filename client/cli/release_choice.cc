#include "client/cli/release_choice.h"

#include "base/file.h"
#include "client/release/model_store.h"

namespace veilsum::client {

void AddReleaseOptions(CLI::App& command, ReleaseChoice& choice) {
  CLI::Option* package =
      command.add_option("--package", choice.package, "folder of a release")->type_name("PKG");
  command.add_option("--store", choice.store, "this machine's releases: the one that serves")
      ->type_name("DIR")
      ->excludes(package);
  command.add_option("--key", choice.key, "with --package: the release key, received out of band")
      ->type_name("FILE")
      ->needs(package);
}

void AddPersonalOption(CLI::App& command, ReleaseChoice& choice) {
  command
      .add_option("--personal", choice.personal,
                  "this merchant's own model of the release, of model personalise")
      ->type_name("FILE");
}

absl::StatusOr<std::shared_ptr<const Predictor>> LoadPredictor(const ReleaseChoice& choice) {
  VEILSUM_ASSIGN_OR_RETURN(release::Release release, LoadRelease(choice));
  std::optional<PersonalModel> personal;
  if (!choice.personal.empty()) {
    VEILSUM_ASSIGN_OR_RETURN(personal, PersonalModel::Load(choice.personal, release));
  }
  return Predictor::Create(std::move(release), personal);
}

absl::StatusOr<release::Release> LoadRelease(const ReleaseChoice& choice) {
  if (!choice.store.empty()) {
    VEILSUM_ASSIGN_OR_RETURN(const ModelStore store, ModelStore::Open(choice.store));
    return store.LoadCurrent();
  }
  if (choice.package.empty()) return InvalidArgument("give --package or --store");
  if (choice.key.empty())
    return InvalidArgument(
        "--package needs --key: a key that lies beside a package proves nothing");
  VEILSUM_ASSIGN_OR_RETURN(const std::string pem, ReadFile(choice.key, std::size_t{1} << 16));
  VEILSUM_ASSIGN_OR_RETURN(const P256PublicKey key, P256PublicKey::FromPem(pem));
  VEILSUM_ASSIGN_OR_RETURN(const release::Files files, release::ReadPackage(choice.package));
  return release::OpenPackage(files, key);
}

}  // namespace veilsum::client
