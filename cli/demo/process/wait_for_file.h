// Waits for a file that another process writes whole (written beside, then renamed): by inotify(7),
// without polling.
#pragma once

#include <chrono>
#include <filesystem>
#include <string>

#include "base/status.h"

namespace veilsum::cli {

// The contents, once the file is there. DeadlineExceeded after `patience`; Cancelled as soon as
// `cancel` (a file descriptor, -1: none) becomes readable; Internal when its folder cannot be
// watched.
absl::StatusOr<std::string> WaitForFile(const std::filesystem::path& file,
                                        std::chrono::milliseconds patience, int cancel);

}  // namespace veilsum::cli
