// Copies of a coordinator's store that are taken while it runs.
#pragma once

#include <filesystem>

namespace veilsum::coordinator {

// A file whose time of writing is that of the newest good backup of the store in `store`.
inline std::filesystem::path BackupMark(std::filesystem::path store) {
  return store += ".backed-up";
}

}  // namespace veilsum::coordinator
