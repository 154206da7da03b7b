// The folder that a demo writes to: its own, and only one demo's at a time.
#pragma once

#include <filesystem>

#include "base/status.h"

namespace veilsum::cli {

class OutputFolder {
 public:
  // Makes the folder, or takes over one that an earlier demo made and removes what that demo left
  // in it. FailedPrecondition: it holds files and no demo made it (nothing is touched);
  // Unavailable: another demo is using it.
  static absl::StatusOr<OutputFolder> Open(const std::filesystem::path& folder);
  OutputFolder(OutputFolder&& other) noexcept;
  OutputFolder& operator=(OutputFolder&&) = delete;
  ~OutputFolder();

  const std::filesystem::path& path() const { return path_; }  // absolute
  std::filesystem::path logs() const { return path_ / "logs"; }
  std::filesystem::path federation() const { return path_ / "federation"; }
  std::filesystem::path data() const { return path_ / "data"; }

 private:
  OutputFolder(std::filesystem::path path, int lock) : path_(std::move(path)), lock_(lock) {}
  std::filesystem::path path_;
  int lock_;
};

}  // namespace veilsum::cli
