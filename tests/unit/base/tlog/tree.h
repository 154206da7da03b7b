// A log in memory for tests: entries, their hashes at every level, and its files.
#pragma once

#include <map>

#include "base/tlog/tile.h"
#include "tests/support/status_matchers.h"

namespace veilsum::tlog {

class Tree final : public HashReader {
 public:
  explicit Tree(std::size_t size) {
    for (std::size_t i = 0; i < size; ++i) Append(AsBytes("entry " + std::to_string(i)));
  }
  void Append(ByteView entry) {
    entries.emplace_back(entry.begin(), entry.end());
    frontier.Append(LeafHash(entry));
    for (std::size_t level = 0, i = Add(0, LeafHash(entry)); i % 2 == 1; ++level, i /= 2)
      Add(level + 1, NodeHash(levels[level][i - 1], levels[level][i]));
  }
  absl::StatusOr<Hash32> Read(int level, std::uint64_t index) override {
    const auto l = static_cast<std::size_t>(level);
    if (l >= levels.size() || index >= levels[l].size()) return NotFound("no such subtree");
    return levels[l][index];
  }
  std::uint64_t size() const { return entries.size(); }
  Hash32 Root(std::uint64_t size) { return RootOf(*this, size).value(); }

  // The contents of `tile`.
  Bytes File(const Tile& tile) const {
    Bytes out;
    for (std::uint64_t i = 0; i < tile.width; ++i) {
      const std::uint64_t at = tile.number * kTileWidth + i;
      if (tile.level == Tile::kEntries) {
        const Bytes one = EncodeBundle({entries[at]}).value();
        out.insert(out.end(), one.begin(), one.end());
      } else {
        const Hash32& hash = levels[static_cast<std::size_t>(8 * tile.level)][at];
        out.insert(out.end(), hash.begin(), hash.end());
      }
    }
    return out;
  }

  std::vector<Bytes> entries;
  Frontier frontier;
  std::vector<std::vector<Hash32>> levels;

 private:
  std::size_t Add(std::size_t level, const Hash32& hash) {
    if (levels.size() <= level) levels.emplace_back();
    levels[level].push_back(hash);
    return levels[level].size() - 1;
  }
};

}  // namespace veilsum::tlog
