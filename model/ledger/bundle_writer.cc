#include "model/ledger/bundle_writer.h"

#include "base/crypto/sha256.h"
#include "base/file.h"
#include "base/tlog/tile.h"
#include "model/ledger/disclosure.h"

namespace veilsum::ledger {
namespace {

absl::Status MakeFolder(const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return Internal("cannot make the folder %s: %s", folder.string(), error.message());
  return absl::OkStatus();
}

// The hashes that the next level of tiles has: of the complete tiles below.
std::vector<Hash32> EveryEighthLevel(const std::vector<Hash32>& below) {
  std::vector<Hash32> out;
  for (std::size_t at = 0; at + tlog::kTileWidth <= below.size(); at += tlog::kTileWidth) {
    std::vector<Hash32> nodes(below.begin() + static_cast<std::ptrdiff_t>(at),
                              below.begin() + static_cast<std::ptrdiff_t>(at + tlog::kTileWidth));
    while (nodes.size() > 1) {
      for (std::size_t i = 0; i < nodes.size() / 2; ++i)
        nodes[i] = tlog::NodeHash(nodes[2 * i], nodes[2 * i + 1]);
      nodes.resize(nodes.size() / 2);
    }
    out.push_back(nodes.front());
  }
  return out;
}

}  // namespace

absl::StatusOr<BundleWriter> BundleWriter::Create(std::filesystem::path folder) {
  VEILSUM_RETURN_IF_ERROR(MakeFolder(folder));
  return BundleWriter(std::move(folder));
}

absl::Status BundleWriter::Write(const std::string& path, ByteView contents) {
  const std::filesystem::path file = folder_ / path;
  VEILSUM_RETURN_IF_ERROR(MakeFolder(file.parent_path()));
  return WriteFile(file, AsText(contents));
}

absl::Status BundleWriter::WriteCheckpoint(const tlog::Note& note) {
  return Write("checkpoint", AsBytes(note.ToString()));
}

absl::Status BundleWriter::WriteTrustPolicy(std::string_view text) {
  return Write("trust.policy", AsBytes(text));
}

absl::Status BundleWriter::WriteLog(
    std::uint64_t size, const Hash32& root,
    const std::function<absl::StatusOr<Bytes>(std::uint64_t)>& leaf) {
  std::vector<Hash32> hashes;
  tlog::Frontier tree;
  std::vector<Bytes> entries;
  for (std::uint64_t i = 0; i < size; ++i) {
    VEILSUM_ASSIGN_OR_RETURN(Bytes entry, leaf(i));
    hashes.push_back(tlog::LeafHash(entry));
    tree.Append(hashes.back());
    entries.push_back(std::move(entry));
    if (entries.size() < tlog::kTileWidth && i + 1 < size) continue;
    VEILSUM_ASSIGN_OR_RETURN(const Bytes bundle, tlog::EncodeBundle(entries));
    entries.clear();
    VEILSUM_RETURN_IF_ERROR(
        Write(tlog::TileAt(tlog::Tile::kEntries, i / tlog::kTileWidth, size).Path(), bundle));
  }
  if (tree.Root() != root)
    return DataLoss("the %d entries have the root %s, the checkpoint %s", size,
                    HexEncode(tree.Root()), HexEncode(root));
  for (int level = 0; !hashes.empty(); ++level, hashes = EveryEighthLevel(hashes))
    for (std::uint64_t n = 0; n * tlog::kTileWidth < hashes.size(); ++n) {
      const tlog::Tile tile = tlog::TileAt(level, n, size);
      Bytes bytes;
      for (std::uint64_t i = 0; i < tile.width; ++i) {
        const Hash32& hash = hashes[n * tlog::kTileWidth + i];
        bytes.insert(bytes.end(), hash.begin(), hash.end());
      }
      VEILSUM_RETURN_IF_ERROR(Write(tile.Path(), bytes));
    }
  return absl::OkStatus();
}

absl::Status BundleWriter::WriteBlob(std::string_view text) {
  return Write("blob/" + HexEncode(Sha256(text)), AsBytes(text));
}

absl::Status BundleWriter::WriteModel(const Hash32& hash, ByteView file) {
  return Write("model/" + HexEncode(hash) + ".safetensors", file);
}

absl::Status BundleWriter::WriteReceipt(const std::string& tenant, const std::string& client,
                                        std::uint64_t leaf, std::string_view envelope) {
  return Write(absl::StrFormat("receipts/%s/%s/%d.json", tenant, client, leaf), AsBytes(envelope));
}

absl::Status BundleWriter::WriteDisclosed(const std::string& tenant, const Hash32& digest,
                                          std::string_view text) {
  return Write(DisclosurePath(tenant, digest), AsBytes(text));
}

}  // namespace veilsum::ledger
