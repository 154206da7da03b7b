// A log as static files (c2sp.org/tlog-tiles): hashes in tiles of 256, entries in bundles of 256.
// Names and contents of the files, and a reader of hashes from them; where the files are is the
// caller's.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "base/tlog/merkle.h"

namespace veilsum::tlog {

inline constexpr std::uint64_t kTileWidth = 256;
inline constexpr std::size_t kMaxEntryBytes = 65535;  // a bundle's length fields have 16 bits

// A file of a log: hashes of a level, or entries.
struct Tile {
  static constexpr int kEntries = -1;
  int level = 0;             // kEntries, or 0 to 7: each level covers 8 of the tree
  std::uint64_t number = 0;  // within the level
  std::uint64_t width = kTileWidth;

  std::string Path() const;  // "tile/0/x001/234", partial ones with ".p/<width>"
  friend auto operator<=>(const Tile&, const Tile&) = default;
};

// The tile as a tree of `size` leaves has it; width 0: it is not there.
Tile TileAt(int level, std::uint64_t number, std::uint64_t size);
// Every tile and bundle of a tree of `size` leaves; full ones among the first `old_size` leaves are
// left out, as they have not changed.
std::vector<Tile> TilesOf(std::uint64_t size, std::uint64_t old_size = 0);

// Entries with their lengths in front, 16 bits big-endian. InvalidArgument: one is too large.
absl::StatusOr<Bytes> EncodeBundle(const std::vector<Bytes>& entries);
// InvalidArgument: not exactly `count` entries.
absl::StatusOr<std::vector<Bytes>> ParseBundle(ByteView bundle, std::size_t count);

// Hashes from tiles of a tree of `size` leaves, which `fetch` finds by path. Tiles are kept in
// memory as they come, so use one reader for one or a few proofs. Nothing is trusted by this: a
// wrong tile gives a proof that does not hold.
class TileReader final : public HashReader {
 public:
  using Fetch = std::function<absl::StatusOr<Bytes>(const std::string& path)>;
  TileReader(std::uint64_t size, Fetch fetch) : size_(size), fetch_(std::move(fetch)) {}
  // InvalidArgument: not a complete subtree of this tree, or a tile of the wrong length; `fetch`'s.
  absl::StatusOr<Hash32> Read(int level, std::uint64_t index) override;

 private:
  absl::StatusOr<const Bytes*> Load(const Tile& tile);
  std::uint64_t size_;
  Fetch fetch_;
  std::map<Tile, Bytes> tiles_;
};

}  // namespace veilsum::tlog
