#include "cli/demo/setup/output_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace veilsum::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kMarker = ".veilsum-demo";
constexpr const char* kOwn[] = {"audit",       "federation",        "logs",   "data", "report.json",
                                "report.html", "model.safetensors", "release"};

absl::Status Remove(const fs::path& path) {
  std::error_code error;
  fs::remove_all(path, error);
  if (error) return Internal("--out: cannot remove %s: %s", path.string(), error.message());
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<OutputFolder> OutputFolder::Open(const fs::path& folder) {
  const fs::path path = fs::absolute(folder).lexically_normal();
  std::error_code error;
  fs::create_directories(path, error);
  if (error) return FailedPrecondition("--out: cannot make %s: %s", path.string(), error.message());
  const bool empty = fs::is_empty(path, error);
  if (!empty && !fs::exists(path / kMarker))
    return FailedPrecondition("--out: %s is not empty and no demo made it; name another folder",
                              path.string());
  const int lock = open((path / kMarker).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (lock < 0)
    return FailedPrecondition("--out: cannot write in %s: %s", path.string(), strerror(errno));
  OutputFolder out(path, lock);
  if (flock(lock, LOCK_EX | LOCK_NB) != 0)
    return Unavailable("--out: another demo is using %s", path.string());
  for (const char* name : kOwn) VEILSUM_RETURN_IF_ERROR(Remove(path / name));
  fs::create_directories(out.logs(), error);
  if (error)
    return FailedPrecondition("--out: cannot make %s: %s", out.logs().string(), error.message());
  return out;
}

OutputFolder::OutputFolder(OutputFolder&& other) noexcept
    : path_(std::move(other.path_)), lock_(std::exchange(other.lock_, -1)) {}

OutputFolder::~OutputFolder() {
  if (lock_ >= 0) close(lock_);
}

}  // namespace veilsum::cli
