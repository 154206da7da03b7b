#include "model/ledger/hash_tiles.h"

namespace veilsum::ledger {

void HashTiles::Push(std::size_t level, const Hash32& hash) {
  if (levels_.size() == level) levels_.emplace_back();
  Level& here = levels_[level];
  here.hashes.insert(here.hashes.end(), hash.begin(), hash.end());
  here.subtree.Append(hash);
  if (here.subtree.size() < tlog::kTileWidth) return;
  sink_({static_cast<int>(level), here.number, tlog::kTileWidth}, here.hashes);
  const Hash32 root = here.subtree.Root();
  here = {here.number + 1, {}, {}};
  Push(level + 1, root);
}

void HashTiles::Finish() {
  for (std::size_t level = 0; level < levels_.size(); ++level)
    if (const Level& here = levels_[level]; here.subtree.size() != 0)
      sink_({static_cast<int>(level), here.number, here.subtree.size()}, here.hashes);
}

}  // namespace veilsum::ledger
