// The evidence of a ledger as one folder that somebody hands over: checkpoint, trust policy, tiles
// (c2sp.org/tlog-tiles), plans and contracts, models, receipts. Every file in it is taken to be
// hostile: nothing outside the folder is opened, no link is followed, no file is larger than its
// kind may be, nothing is allocated on the word of a file. Nothing is verified here.
#pragma once

#include <filesystem>
#include <memory>

#include "model/ledger/log_check.h"

namespace veilsum::ledger {

inline constexpr std::size_t kMaxModelBytes = std::size_t{1} << 30;
inline constexpr std::size_t kMaxReceiptBytes = 64 * 1024;
inline constexpr std::size_t kMaxDisclosureBytes = 2 << 20;
inline constexpr std::size_t kMaxNamesInFolder = 1'000'000;

class Bundle {
 public:
  // NotFound: there is no such folder.
  static absl::StatusOr<Bundle> Open(const std::filesystem::path& folder);

  // A file by its path within the bundle: '/' between names of [A-Za-z0-9._-] that do not begin
  // with a dot. NotFound: it is not there. InvalidArgument: no such path can be in a bundle, a link
  // or anything but a plain file, more bytes than a file of its place may have. Unavailable: the
  // system does not let us read it.
  absl::StatusOr<Bytes> Read(const std::string& path) const;
  // Names of the entries of a folder ("": the bundle's own), ascending; none when it is not there.
  // InvalidArgument: more than kMaxNamesInFolder, or a name that no path can have.
  absl::StatusOr<std::vector<std::string>> List(const std::string& folder) const;

  // Keep the bundle open by themselves.
  FileReader Files() const;
  BlobReader Blobs() const;  // "blob/<sha256>"

 private:
  class Folder;
  explicit Bundle(std::shared_ptr<const Folder> root) : root_(std::move(root)) {}
  std::shared_ptr<const Folder> root_;
};

// Where a bundle keeps things.
std::string BlobPath(const Hash32& sha256);
std::string ModelPath(const std::string& sha256_hex);

}  // namespace veilsum::ledger
