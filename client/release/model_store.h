// The releases that a client keeps: the one that serves and the last good one before it, each under
// its digest, and what was seen of metadata, so that nothing older is ever taken for new.
//   <folder>/root.json              the newest root that was verified (the first: out of band)
//   <folder>/state.json             versions seen, what is installed
//   <folder>/models/<digest>/...    packages
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "model/rollout/metadata.h"

namespace veilsum::client {

struct InstalledRelease {
  std::string digest, model_id, version;
  std::uint64_t release_counter = 0;
  bool empty() const { return digest.empty(); }
};

struct StoreState {
  rollout::Seconds last_time = 0;   // the clock when metadata was last looked at
  rollout::Seconds last_fresh = 0;  // when all of it was good
  std::map<rollout::Role, std::uint64_t> versions;
  InstalledRelease current, previous;  // empty: none
};

class ModelStore {
 public:
  // Makes the folder around `root`, a root envelope that was received out of band.
  static absl::StatusOr<ModelStore> Create(const std::filesystem::path& folder,
                                           std::string_view root);
  // NotFound: no store. DataLoss: its state cannot be read.
  static absl::StatusOr<ModelStore> Open(const std::filesystem::path& folder);

  const StoreState& state() const { return state_; }
  const std::string& root_file() const { return root_; }  // envelope

  // Durable when they return.
  absl::Status SaveRoot(std::string_view file);
  absl::Status Save(StoreState state);
  // Adds the package's files; those of other digests than current and previous go.
  absl::Status Install(const std::string& digest, const release::Files& files,
                       const StoreState& next);
  std::filesystem::path PackageFolder(const std::string& digest) const {
    return folder_ / "models" / digest;
  }

  // The package of `current` once more verified, by the root's release keys. NotFound: none.
  absl::StatusOr<release::Release> LoadCurrent() const;

 private:
  explicit ModelStore(std::filesystem::path folder) : folder_(std::move(folder)) {}
  void RemoveOthers() const;
  std::filesystem::path folder_;
  std::string root_;
  StoreState state_;
};

// OpenPackage by any of the root's release keys.
absl::StatusOr<release::Release> OpenByAnyKey(const release::Files& files,
                                              const rollout::Root& root);

}  // namespace veilsum::client
