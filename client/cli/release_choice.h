// Which release a command works with: a package and the key it must be signed by, or what a model
// store has as its present one.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "client/serve/predictor.h"

namespace veilsum::client {

struct ReleaseChoice {
  std::string package;   // a release package's folder
  std::string store;     // instead of a package: a model store's present release
  std::string key;       // with a package: the release key, PEM, received out of band
  std::string personal;  // of this merchant, made from that release; empty: the release itself
};

// --package, --key, --store.
void AddReleaseOptions(CLI::App& command, ReleaseChoice& choice);
// --personal.
void AddPersonalOption(CLI::App& command, ReleaseChoice& choice);
// Verified. InvalidArgument: neither, or a package without a key; errors of OpenPackage and
// ModelStore.
absl::StatusOr<release::Release> LoadRelease(const ReleaseChoice& choice);
// Of the release, or of the merchant's own model of it. Errors of PersonalModel::Load besides.
absl::StatusOr<std::shared_ptr<const Predictor>> LoadPredictor(const ReleaseChoice& choice);

}  // namespace veilsum::client
