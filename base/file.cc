#include "base/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/folder.h"

namespace veilsum {
namespace {

// Closes on every path; errors of close are reported only where they matter (after writing).
class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}
  ~Descriptor() {
    if (value_ >= 0) close(value_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int value() const { return value_; }

 private:
  int value_;
};

absl::Status SystemError(const std::filesystem::path& path, const char* action) {
  const int error = errno;
  if (error == ENOENT) return NotFound("%s: cannot %s: no such file", path.string(), action);
  if (error == EACCES)
    return PermissionDenied("%s: cannot %s: permission denied", path.string(), action);
  return Unavailable("%s: cannot %s: %s", path.string(), action, std::strerror(error));
}

absl::Status WriteAll(int fd, std::string_view contents, const std::filesystem::path& path) {
  while (!contents.empty()) {
    const ssize_t n = write(fd, contents.data(), contents.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return SystemError(path, "write");
    contents.remove_prefix(static_cast<std::size_t>(n));
  }
  if (fsync(fd) != 0) return SystemError(path, "sync");
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::string> ReadFile(const std::filesystem::path& path, std::size_t limit) {
  const Descriptor fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat info;
  if (fd.value() < 0 || fstat(fd.value(), &info) != 0) return SystemError(path, "open");
  if (!S_ISREG(info.st_mode)) return InvalidArgument("%s: not a regular file", path.string());
  if (static_cast<std::size_t>(info.st_size) > limit)
    return InvalidArgument("%s: %d bytes, at most %d are accepted", path.string(), info.st_size,
                           limit);
  std::string out(static_cast<std::size_t>(info.st_size), '\0');
  std::size_t have = 0;
  while (have < out.size()) {
    const ssize_t n = read(fd.value(), out.data() + have, out.size() - have);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return SystemError(path, "read");
    if (n == 0) break;
    have += static_cast<std::size_t>(n);
  }
  out.resize(have);
  return out;
}

absl::Status WriteFile(const std::filesystem::path& path, std::string_view contents,
                       FileMode mode) {
  const std::filesystem::path temporary = path.string() + ".part";
  {
    const Descriptor fd(open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
                             static_cast<mode_t>(mode)));
    if (fd.value() < 0) return SystemError(temporary, "create");
    VEILSUM_RETURN_IF_ERROR(WriteAll(fd.value(), contents, temporary));
  }
  if (rename(temporary.c_str(), path.c_str()) != 0) return SystemError(path, "replace");
  return SyncFolder(FolderOf(path));
}

}  // namespace veilsum
