// One process at a time. The lock goes with the process that holds it, however it ends, and is not
// inherited by what it executes.
#pragma once

#include <chrono>
#include <filesystem>
#include <string_view>

#include "base/status.h"

namespace veilsum {

class FileLock {
 public:
  // Makes `file` where it is not there, with mode 0600, and leaves it there. Unavailable: `busy`,
  // when another holder has it for as long as `patience`; or it cannot be written.
  static absl::StatusOr<FileLock> Take(const std::filesystem::path& file, std::string_view busy,
                                       std::chrono::milliseconds patience = {});
  ~FileLock();
  FileLock(FileLock&& other) noexcept;
  FileLock& operator=(FileLock&&) = delete;

 private:
  explicit FileLock(int file) : file_(file) {}
  int file_;
};

}  // namespace veilsum
