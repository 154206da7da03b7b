// Certificates that are no longer accepted before they expire: a text file that the operator of a
// node edits while it runs, one SHA-256 fingerprint of a DER certificate a line, in lower-case hex;
// '#' begins a comment.
#pragma once

#include <sys/stat.h>

#include <filesystem>
#include <memory>
#include <mutex>
#include <set>

#include "base/bytes.h"

namespace veilsum {

// Thread-safe. Looks at the file again whenever it has changed.
class RevocationList {
 public:
  // NotFound, or InvalidArgument naming the line.
  static absl::StatusOr<std::shared_ptr<RevocationList>> Open(const std::filesystem::path& file);

  // Unauthenticated: the certificate is listed, or the list is there no more or malformed: then
  // nobody is let in until it is mended.
  absl::Status Check(const Hash32& fingerprint);

 private:
  explicit RevocationList(std::filesystem::path file) : file_(std::move(file)) {}
  absl::Status Refresh();  // under mutex_

  const std::filesystem::path file_;
  std::mutex mutex_;
  struct timespec read_mtime_ {};
  std::uint64_t read_size_ = 0, read_inode_ = 0;
  std::set<Hash32> revoked_;
};

}  // namespace veilsum
