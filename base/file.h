// Whole files in and out. Writing is durable and atomic: a reader sees the old bytes or the new
// ones.
#pragma once

#include <filesystem>

#include "base/bytes.h"

namespace veilsum {

// NotFound, or InvalidArgument when larger than `limit` bytes (checked before allocation).
absl::StatusOr<std::string> ReadFile(const std::filesystem::path& path,
                                     std::size_t limit = std::size_t{1} << 30);

enum class FileMode { kPublic = 0644, kPrivate = 0600 };

// Writes beside the target, syncs, renames, and syncs the folder, so that a crash leaves no torn
// file.
absl::Status WriteFile(const std::filesystem::path& path, std::string_view contents,
                       FileMode mode = FileMode::kPublic);

}  // namespace veilsum
