// Writes the evidence of a ledger as a folder that can be handed to a stranger (docs/formats.md,
// "Bundle"): checkpoint, tiles and entries (c2sp.org/tlog-tiles), blobs, models, receipts. Files
// are complete or not there.
#pragma once

#include <filesystem>
#include <functional>

#include "base/tlog/checkpoint.h"
#include "base/tlog/merkle.h"

namespace veilsum::ledger {

class BundleWriter {
 public:
  // Makes `folder` where it is missing. Errors of all functions are those of the file system.
  static absl::StatusOr<BundleWriter> Create(std::filesystem::path folder);

  absl::Status WriteCheckpoint(const tlog::Note& note);
  absl::Status WriteTrustPolicy(std::string_view text);
  // Tiles and entry bundles of the first `size` entries, which `leaf` gives in order, once each.
  // DataLoss: they do not have `root`. Memory: the hashes of the tree.
  absl::Status WriteLog(std::uint64_t size, const Hash32& root,
                        const std::function<absl::StatusOr<Bytes>(std::uint64_t)>& leaf);
  absl::Status WriteBlob(std::string_view text);
  // `hash`: as round.committed names the model; `file`: safetensors.
  absl::Status WriteModel(const Hash32& hash, ByteView file);
  absl::Status WriteReceipt(const std::string& tenant, const std::string& client,
                            std::uint64_t leaf, std::string_view envelope);
  // `text`: of the value that `digest` commits to (disclosure.h).
  absl::Status WriteDisclosed(const std::string& tenant, const Hash32& digest,
                              std::string_view text);

 private:
  explicit BundleWriter(std::filesystem::path folder) : folder_(std::move(folder)) {}
  absl::Status Write(const std::string& path, ByteView contents);
  std::filesystem::path folder_;
};

}  // namespace veilsum::ledger
