#include "base/tlog/tile.h"

#include <algorithm>

namespace veilsum::tlog {
namespace {

constexpr int kTileHeight = 8;

// 1234067 is "x001/x234/067".
std::string NumberPath(std::uint64_t number) {
  std::string path = absl::StrFormat("%03d", number % 1000);
  for (number /= 1000; number != 0; number /= 1000)
    path = absl::StrFormat("x%03d/", number % 1000) + path;
  return path;
}

Hash32 HashAt(ByteView hashes, std::uint64_t index) {
  Hash32 out;
  std::copy_n(hashes.begin() + static_cast<std::ptrdiff_t>(32 * index), 32, out.begin());
  return out;
}

// The root over `count` hashes, a power of two.
Hash32 Fold(ByteView hashes, std::uint64_t count) {
  if (count == 1) return HashAt(hashes, 0);
  return NodeHash(Fold(hashes.first(16 * count), count / 2),
                  Fold(hashes.subspan(16 * count), count / 2));
}

// Hashes or entries that a level of a tree of `size` leaves has.
std::uint64_t CountAt(int level, std::uint64_t size) {
  return size >> (kTileHeight * std::max(level, 0));
}

}  // namespace

std::string Tile::Path() const {
  std::string path = level == kEntries ? "tile/entries/" : absl::StrFormat("tile/%d/", level);
  path += NumberPath(number);
  return width == kTileWidth ? path : path + absl::StrFormat(".p/%d", width);
}

Tile TileAt(int level, std::uint64_t number, std::uint64_t size) {
  const std::uint64_t count = CountAt(level, size);
  const std::uint64_t before = std::min(number, count / kTileWidth + 1) * kTileWidth;
  return {level, number, count < before ? 0 : std::min(kTileWidth, count - before)};
}

std::vector<Tile> TilesOf(std::uint64_t size, std::uint64_t old_size) {
  std::vector<Tile> out;
  for (int level = Tile::kEntries; level < kTileHeight && CountAt(level, size) != 0; ++level)
    for (std::uint64_t n = CountAt(level, old_size) / kTileWidth;; ++n) {
      const Tile tile = TileAt(level, n, size);
      if (tile.width == 0) break;
      out.push_back(tile);
    }
  return out;
}

absl::StatusOr<Bytes> EncodeBundle(const std::vector<Bytes>& entries) {
  Bytes out;
  for (const Bytes& entry : entries) {
    if (entry.size() > kMaxEntryBytes)
      return InvalidArgument("entry has %d bytes, at most %d", entry.size(), kMaxEntryBytes);
    out.push_back(static_cast<std::uint8_t>(entry.size() >> 8));
    out.push_back(static_cast<std::uint8_t>(entry.size()));
    out.insert(out.end(), entry.begin(), entry.end());
  }
  return out;
}

absl::StatusOr<std::vector<Bytes>> ParseBundle(ByteView bundle, std::size_t count) {
  std::vector<Bytes> entries;
  while (!bundle.empty() && entries.size() < count) {
    const std::size_t size = bundle.size() < 2 ? bundle.size() : bundle[0] * 256u + bundle[1];
    if (bundle.size() < 2 + size) return InvalidArgument("bundle: an entry is cut off");
    const ByteView entry = bundle.subspan(2, size);
    entries.emplace_back(entry.begin(), entry.end());
    bundle = bundle.subspan(2 + size);
  }
  if (!bundle.empty() || entries.size() != count)
    return InvalidArgument("bundle: not %d entries", count);
  return entries;
}

absl::StatusOr<Hash32> TileReader::Read(int level, std::uint64_t index) {
  if (level < 0 || level > 62 || index >= size_ >> level)
    return InvalidArgument("subtree %d of level %d is not in a log of %d entries", index, level,
                           size_);
  const std::uint64_t count = std::uint64_t{1} << (level % kTileHeight);
  const std::uint64_t first = index * count;
  VEILSUM_ASSIGN_OR_RETURN(const Bytes* tile,
                           Load(TileAt(level / kTileHeight, first / kTileWidth, size_)));
  return Fold(ByteView(*tile).subspan(32 * (first % kTileWidth), 32 * count), count);
}

absl::StatusOr<const Bytes*> TileReader::Load(const Tile& tile) {
  if (const auto found = tiles_.find(tile); found != tiles_.end()) return &found->second;
  VEILSUM_ASSIGN_OR_RETURN(Bytes bytes, fetch_(tile.Path()));
  if (bytes.size() != 32 * tile.width)
    return InvalidArgument("%s has %d bytes, must have %d", tile.Path(), bytes.size(),
                           32 * tile.width);
  return &tiles_.emplace(tile, std::move(bytes)).first->second;
}

}  // namespace veilsum::tlog
