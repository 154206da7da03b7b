#include "base/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <thread>
#include <utility>

namespace veilsum {

absl::StatusOr<FileLock> FileLock::Take(const std::filesystem::path& file, std::string_view busy,
                                        std::chrono::milliseconds patience) {
  constexpr std::chrono::milliseconds kPause{20};
  const int opened = open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (opened < 0) return Unavailable("cannot write %s: %s", file.string(), strerror(errno));
  FileLock lock(opened);
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (flock(opened, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR)
      return Unavailable("cannot lock %s: %s", file.string(), strerror(errno));
    if (std::chrono::steady_clock::now() >= deadline) return Unavailable("%s", busy);
    std::this_thread::sleep_for(kPause);
  }
  return lock;
}

FileLock::FileLock(FileLock&& other) noexcept : file_(std::exchange(other.file_, -1)) {}

FileLock::~FileLock() {
  if (file_ >= 0) close(file_);
}

}  // namespace veilsum
