#include "model/ledger/bundle.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace veilsum::ledger {
namespace {

constexpr int kFlags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
constexpr std::size_t kMaxNameBytes = 128, kMaxNames = 8;

class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}
  ~Descriptor() {
    if (value_ >= 0) close(value_);
  }
  Descriptor(Descriptor&& other) noexcept : value_(std::exchange(other.value_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(value_, other.value_);
    return *this;
  }
  int value() const { return value_; }
  int Release() { return std::exchange(value_, -1); }

 private:
  int value_;
};

bool IsName(std::string_view name) {
  return !name.empty() && name.size() <= kMaxNameBytes && name.front() != '.' &&
         std::ranges::all_of(name, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '.' || c == '_' || c == '-';
         });
}

absl::StatusOr<std::vector<std::string>> NamesOf(std::string_view whole) {
  std::string_view path = whole;
  std::vector<std::string> names;
  for (;;) {
    const std::size_t slash = std::min(path.find('/'), path.size());
    names.emplace_back(path.substr(0, slash));
    if (!IsName(names.back()) || names.size() > kMaxNames)
      return InvalidArgument("no file of a bundle has the path \"%s\"", whole);
    if (slash == path.size()) return names;
    path.remove_prefix(slash + 1);
  }
}

std::size_t MostBytesOf(std::string_view path) {
  if (path == "checkpoint") return 64 * 1024;
  if (path == "trust.policy") return 1 << 20;
  if (path.starts_with("tile/entries/")) return tlog::kTileWidth * (2 + tlog::kMaxEntryBytes);
  if (path.starts_with("tile/")) return tlog::kTileWidth * 32;
  if (path.starts_with("blob/")) return 1 << 20;
  if (path.starts_with("model/")) return kMaxModelBytes;
  if (path.starts_with("receipts/")) return kMaxReceiptBytes;
  return kMaxDisclosureBytes;
}

absl::Status Failed(std::string_view path) {
  const int error = errno;
  if (error == ENOENT) return NotFound("%s is not there", path);
  if (error == ELOOP || error == ENOTDIR)
    return InvalidArgument("%s is a link or not a plain file", path);
  return Unavailable("%s cannot be read: %s", path, std::strerror(error));
}

// The last name of `names` below `root`, every folder on the way opened by itself.
absl::StatusOr<Descriptor> OpenBelow(int root, std::span<const std::string> names,
                                     std::string_view path, int last_flags) {
  Descriptor folder(-1);
  for (std::size_t i = 0; i < names.size(); ++i) {
    const int flags = kFlags | (i + 1 < names.size() ? O_DIRECTORY : last_flags);
    Descriptor next(openat(i == 0 ? root : folder.value(), names[i].c_str(), flags));
    if (next.value() < 0) return Failed(path);
    folder = std::move(next);
  }
  return folder;
}

absl::StatusOr<Bytes> ReadWhole(int fd, std::string_view path) {
  struct stat info;
  if (fstat(fd, &info) != 0) return Failed(path);
  if (!S_ISREG(info.st_mode)) return InvalidArgument("%s is a link or not a plain file", path);
  const std::size_t most = MostBytesOf(path);
  if (static_cast<std::size_t>(info.st_size) > most)
    return InvalidArgument("%s has %d bytes, at most %d", path, info.st_size, most);
  Bytes out(static_cast<std::size_t>(info.st_size));
  std::size_t have = 0;
  while (have < out.size()) {
    const ssize_t got = read(fd, out.data() + have, out.size() - have);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Failed(path);
    if (got == 0) break;
    have += static_cast<std::size_t>(got);
  }
  out.resize(have);
  return out;
}

}  // namespace

class Bundle::Folder {
 public:
  explicit Folder(Descriptor fd) : fd_(fd.Release()) {}
  ~Folder() { close(fd_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  int fd() const { return fd_; }

 private:
  const int fd_;
};

absl::StatusOr<Bundle> Bundle::Open(const std::filesystem::path& folder) {
  Descriptor fd(open(folder.c_str(), O_RDONLY | O_CLOEXEC | O_DIRECTORY));
  if (fd.value() < 0) return NotFound("%s is not a folder that can be read", folder.string());
  return Bundle(std::make_shared<const Folder>(std::move(fd)));
}

absl::StatusOr<Bytes> Bundle::Read(const std::string& path) const {
  VEILSUM_ASSIGN_OR_RETURN(const std::vector<std::string> names, NamesOf(path));
  VEILSUM_ASSIGN_OR_RETURN(const Descriptor file, OpenBelow(root_->fd(), names, path, 0));
  return ReadWhole(file.value(), path);
}

absl::StatusOr<std::vector<std::string>> Bundle::List(const std::string& folder) const {
  std::vector<std::string> names = {"."};
  if (!folder.empty()) {
    VEILSUM_ASSIGN_OR_RETURN(names, NamesOf(folder));
  }
  absl::StatusOr<Descriptor> fd = OpenBelow(root_->fd(), names, folder, O_DIRECTORY);
  if (absl::IsNotFound(fd.status())) return std::vector<std::string>();
  if (!fd.ok()) return fd.status();
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(fdopendir(fd->value()), &closedir);
  if (!entries) return Failed(folder);
  fd->Release();
  std::vector<std::string> out;
  while (const dirent* entry = readdir(entries.get())) {
    const std::string name = entry->d_name;
    if (name == "." || name == "..") continue;
    if (!IsName(name)) return InvalidArgument("%s has a file that no bundle has", folder);
    if (out.size() == kMaxNamesInFolder)
      return InvalidArgument("%s has more than %d files", folder, kMaxNamesInFolder);
    out.push_back(name);
  }
  std::ranges::sort(out);
  return out;
}

FileReader Bundle::Files() const {
  return [bundle = *this](const std::string& path) { return bundle.Read(path); };
}

BlobReader Bundle::Blobs() const {
  return [bundle = *this](const Hash32& sha256) -> absl::StatusOr<std::string> {
    VEILSUM_ASSIGN_OR_RETURN(const Bytes bytes, bundle.Read(BlobPath(sha256)));
    return std::string(AsText(bytes));
  };
}

std::string BlobPath(const Hash32& sha256) { return "blob/" + HexEncode(sha256); }
std::string ModelPath(const std::string& sha256_hex) {
  return "model/" + sha256_hex + ".safetensors";
}

}  // namespace veilsum::ledger
