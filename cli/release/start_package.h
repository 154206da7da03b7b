// The release that a new run starts from, as its operator has it: a folder, and the key that signs
// it.
#pragma once

#include <filesystem>

#include "model/release/package.h"

namespace veilsum::cli {

struct StartPackage {
  release::Files files;
  std::string key;  // public, PEM
  release::Release release;

  // Verified. Errors of ReadFile, ReadPackage and OpenPackage.
  static absl::StatusOr<StartPackage> Open(const std::filesystem::path& folder,
                                           const std::filesystem::path& key_file);
  std::string digest() const { return HexEncode(release.digest); }
  // Makes `plan` name it. InvalidArgument: it names another one; errors of model::StartFrom.
  absl::Status NameIn(model::Plan& plan) const;
};

}  // namespace veilsum::cli
