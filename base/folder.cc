#include "base/folder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace veilsum {

absl::Status SyncFolder(const std::filesystem::path& folder) {
  const int fd = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool synced = fd >= 0 && fsync(fd) == 0;
  const int error = errno;
  if (fd >= 0) close(fd);
  if (synced) return absl::OkStatus();
  if (error == ENOENT) return NotFound("%s: cannot sync: no such folder", folder.string());
  if (error == EACCES)
    return PermissionDenied("%s: cannot sync: permission denied", folder.string());
  return Unavailable("%s: cannot sync: %s", folder.string(), std::strerror(error));
}

absl::Status MakeNewFolder(const std::filesystem::path& folder) {
  if (mkdir(folder.c_str(), 0700) == 0) return SyncFolder(FolderOf(folder));
  return errno == EEXIST
             ? AlreadyExists("%s is there already", folder.string())
             : Unavailable("%s: cannot be made: %s", folder.string(), std::strerror(errno));
}

std::filesystem::path FolderOf(const std::filesystem::path& file) {
  return file.has_parent_path() ? file.parent_path() : std::filesystem::path(".");
}

}  // namespace veilsum
