#include "client/serve/private_lines.h"

#include <unistd.h>

#include <cstdlib>
#include <cstring>

namespace veilsum::client {
namespace {

absl::Status Unwritable(const std::filesystem::path& path) {
  return Unavailable("%s: cannot be written: %s", path.string(), std::strerror(errno));
}

}  // namespace

absl::StatusOr<PrivateLines> PrivateLines::Create(const std::filesystem::path& path) {
  std::string partial = path.string() + ".XXXXXX";
  const int file = mkstemp(partial.data());  // 0600
  if (file < 0) return Unwritable(path);
  std::FILE* stream = fdopen(file, "w");
  if (stream != nullptr) return PrivateLines(path, partial, stream);
  const absl::Status status = Unwritable(path);
  close(file);
  unlink(partial.c_str());
  return status;
}

PrivateLines::~PrivateLines() {
  if (file_ != nullptr) unlink(partial_.c_str());
}

absl::Status PrivateLines::Append(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), file_.get()) != text.size())
    return Unwritable(path_);
  return absl::OkStatus();
}

absl::Status PrivateLines::Finish() {
  if (std::fflush(file_.get()) != 0 || fsync(fileno(file_.get())) != 0 ||
      std::rename(partial_.c_str(), path_.c_str()) != 0)
    return Unwritable(path_);
  file_.reset();
  return absl::OkStatus();
}

}  // namespace veilsum::client
