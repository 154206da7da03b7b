// Where the data sets and golden values are that tests read but the repository does not hold.
#pragma once

#include <cstdlib>
#include <filesystem>

namespace veilsum {

// VEILSUM_SHARED, or ../shared beside the repository (tests run with its root as working
// directory).
inline std::filesystem::path SharedFile(const std::filesystem::path& name) {
  const char* folder = std::getenv("VEILSUM_SHARED");
  return std::filesystem::path(folder != nullptr && *folder != '\0' ? folder : "../shared") / name;
}

}  // namespace veilsum

// Skips the running test, visibly, when the file or folder is not there.
#define SKIP_WITHOUT_SHARED(name)                            \
  if (!std::filesystem::exists(::veilsum::SharedFile(name))) \
  GTEST_SKIP() << ::veilsum::SharedFile(name) << " is not here; set VEILSUM_SHARED"
