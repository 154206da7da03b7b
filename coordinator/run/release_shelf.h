// Releases that a run may start from: packages that the operator has put into a folder. Each is
// opened and verified anew whenever it is asked for. Thread-safe.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "model/release/package.h"

namespace veilsum::coordinator {

// Null: of a plan that names none.
using EarlierRelease = std::shared_ptr<const release::Release>;

class ReleaseShelf {
 public:
  // `packages`/<root digest, hex>/ is a package, as in a rollout's folder; `release_key` a file
  // with the public key that signs them, PEM. Nothing is read yet.
  ReleaseShelf(std::filesystem::path packages, std::filesystem::path release_key)
      : packages_(std::move(packages)), release_key_(std::move(release_key)) {}

  // NotFound: there is none of this digest (64 hex digits). FailedPrecondition: what lies there has
  // another one. Errors of ReadPackage and OpenPackage: it is not verified and no start.
  absl::StatusOr<EarlierRelease> Open(const std::string& digest) const;

 private:
  std::filesystem::path packages_, release_key_;
};

}  // namespace veilsum::coordinator
