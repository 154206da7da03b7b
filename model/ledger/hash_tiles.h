// The tiles of hashes that the entries of a log make (c2sp.org/tlog-tiles), one after the other as
// the log grows: what files that claim to be them are compared with. Holds one tile of each level.
#pragma once

#include <functional>

#include "base/tlog/tile.h"

namespace veilsum::ledger {

class HashTiles {
 public:
  // Called with each full tile, and with the partial ones by Finish.
  using Sink = std::function<void(const tlog::Tile& tile, const Bytes& hashes)>;
  explicit HashTiles(Sink sink) : sink_(std::move(sink)) {}
  void Append(const Hash32& leaf) { Push(0, leaf); }
  void Finish();

 private:
  struct Level {
    std::uint64_t number = 0;
    Bytes hashes;
    tlog::Frontier subtree;  // over the same hashes
  };
  void Push(std::size_t level, const Hash32& hash);
  Sink sink_;
  std::vector<Level> levels_;
};

}  // namespace veilsum::ledger
