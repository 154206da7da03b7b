// Folders that are there after a crash, and what is in them.
#pragma once

#include <filesystem>

#include "base/status.h"

namespace veilsum {

// Makes durable which names the folder has: what was made in it, renamed or removed. NotFound,
// PermissionDenied, Unavailable.
absl::Status SyncFolder(const std::filesystem::path& folder);

// A new folder for its owner alone (mode 0700), durable in the one that it is in. AlreadyExists;
// Unavailable: it cannot be made.
absl::Status MakeNewFolder(const std::filesystem::path& folder);

// The folder that a file is in; "." for a bare name.
std::filesystem::path FolderOf(const std::filesystem::path& file);

}  // namespace veilsum
