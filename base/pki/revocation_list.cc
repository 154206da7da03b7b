#include "base/pki/revocation_list.h"

#include "base/file.h"

namespace veilsum {
namespace {

constexpr std::size_t kMaxListBytes = std::size_t{1} << 20;

std::string_view Trimmed(std::string_view line) {
  line = line.substr(0, line.find('#'));
  const std::size_t first = line.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) return {};
  return line.substr(first, line.find_last_not_of(" \t\r") - first + 1);
}

absl::StatusOr<std::set<Hash32>> ParseList(std::string_view text, std::string_view name) {
  std::set<Hash32> revoked;
  for (int number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = Trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty()) continue;
    const absl::StatusOr<Bytes> bytes = HexDecode(line);
    if (!bytes.ok() || bytes->size() != std::tuple_size_v<Hash32>)
      return InvalidArgument("%s:%d: not a fingerprint of 64 lower-case hex digits", name, number);
    Hash32 fingerprint;
    std::copy(bytes->begin(), bytes->end(), fingerprint.begin());
    revoked.insert(fingerprint);
  }
  return revoked;
}

}  // namespace

absl::StatusOr<std::shared_ptr<RevocationList>> RevocationList::Open(
    const std::filesystem::path& file) {
  std::shared_ptr<RevocationList> list(new RevocationList(file));
  const std::lock_guard lock(list->mutex_);
  VEILSUM_RETURN_IF_ERROR(list->Refresh());
  return list;
}

absl::Status RevocationList::Refresh() {
  struct stat now {};
  if (stat(file_.c_str(), &now) != 0) return NotFound("no revocation list %s", file_.string());
  const auto size = static_cast<std::uint64_t>(now.st_size);
  if (now.st_mtim.tv_sec == read_mtime_.tv_sec && now.st_mtim.tv_nsec == read_mtime_.tv_nsec &&
      size == read_size_ && now.st_ino == read_inode_)
    return absl::OkStatus();
  VEILSUM_ASSIGN_OR_RETURN(const std::string text, ReadFile(file_, kMaxListBytes));
  VEILSUM_ASSIGN_OR_RETURN(revoked_, ParseList(text, file_.string()));
  read_mtime_ = now.st_mtim;
  read_size_ = size;
  read_inode_ = now.st_ino;
  return absl::OkStatus();
}

absl::Status RevocationList::Check(const Hash32& fingerprint) {
  const std::lock_guard lock(mutex_);
  if (const absl::Status read = Refresh(); !read.ok())
    return Unauthenticated("the revocation list cannot be read: %s", read.message());
  if (revoked_.contains(fingerprint)) return Unauthenticated("the certificate is revoked");
  return absl::OkStatus();
}

}  // namespace veilsum
