#include "cli/demo/process/wait_for_file.h"

#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/file.h"

namespace veilsum::cli {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

void Drain(int fd) {
  alignas(inotify_event) char buffer[4096];
  [[maybe_unused]] const auto got = read(fd, buffer, sizeof buffer);
}

absl::StatusOr<std::string> WaitOn(int watch, const std::filesystem::path& file,
                                   milliseconds patience, int cancel) {
  const auto deadline = steady_clock::now() + patience;
  pollfd fds[] = {{.fd = watch, .events = POLLIN, .revents = 0},
                  {.fd = cancel, .events = POLLIN, .revents = 0}};
  while (true) {
    const absl::StatusOr<std::string> contents = ReadFile(file, 1 << 16);
    if (contents.ok() && !contents->empty()) return contents;
    const auto left = std::chrono::ceil<milliseconds>(deadline - steady_clock::now());
    if (left.count() <= 0)
      return DeadlineExceeded("%s did not appear within %d ms", file.string(), patience.count());
    if (poll(fds, 2, static_cast<int>(left.count())) < 0 && errno != EINTR)
      return Internal("poll: %s", strerror(errno));
    if (fds[1].revents != 0)
      return absl::CancelledError("stopped while waiting for " + file.string());
    if (fds[0].revents != 0) Drain(watch);
  }
}

}  // namespace

absl::StatusOr<std::string> WaitForFile(const std::filesystem::path& file, milliseconds patience,
                                        int cancel) {
  const int watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
  const std::string folder = file.parent_path().string();
  if (watch < 0 || inotify_add_watch(watch, folder.c_str(), IN_MOVED_TO | IN_CLOSE_WRITE) < 0) {
    const int error = errno;
    if (watch >= 0) close(watch);
    return Internal("cannot watch %s: %s", folder, strerror(error));
  }
  absl::StatusOr<std::string> contents = WaitOn(watch, file, patience, cancel);
  close(watch);
  return contents;
}

}  // namespace veilsum::cli
