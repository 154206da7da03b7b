// The tree against the vectors of Certificate Transparency and against its own definition.
#include "base/tlog/merkle.h"

#include "tests/unit/base/tlog/tree.h"

namespace veilsum::tlog {
namespace {

TEST(Merkle, RootsOfTheCertificateTransparencyVectors) {
  const std::pair<const char*, const char*> steps[] = {
      {"", "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"},
      {"00", "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"},
      {"10", "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"},
      {"2021", "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"},
      {"3031", "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4"},
      {"40414243", "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef"},
      {"5051525354555657", "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c"},
      {"606162636465666768696a6b6c6d6e6f",
       "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"}};
  Tree tree(0);
  EXPECT_EQ(HexEncode(tree.frontier.Root()),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  for (const auto& [leaf, root] : steps) {
    tree.Append(HexDecode(leaf).value());
    EXPECT_EQ(HexEncode(tree.frontier.Root()), root);
    EXPECT_EQ(HexEncode(tree.Root(tree.size())), root);
  }
}

constexpr std::uint64_t kLargest = 40;

TEST(Merkle, EveryInclusionHoldsForItsLeafAndNoOther) {
  Tree tree(kLargest);
  for (std::uint64_t size = 1; size <= kLargest; ++size)
    for (std::uint64_t index = 0; index < size; ++index) {
      ASSERT_OK_AND_ASSIGN(Proof proof, ProveInclusion(tree, index, size));
      const Hash32 leaf = LeafHash(tree.entries[index]), root = tree.Root(size);
      ASSERT_OK(VerifyInclusion(leaf, index, size, root, proof)) << index << " of " << size;
      EXPECT_FALSE(size > 1 && VerifyInclusion(leaf, index ^ 1, size, root, proof).ok());
      EXPECT_FALSE(VerifyInclusion(LeafHash({}), index, size, root, proof).ok());
      EXPECT_FALSE(VerifyInclusion(leaf, index, size + kLargest, root, proof).ok());
      proof.push_back(root);
      EXPECT_FALSE(VerifyInclusion(leaf, index, size, root, proof).ok()) << "one hash too many";
      proof.resize(proof.size() - 1);
      if (proof.empty()) continue;
      proof.front()[0] ^= 1;
      EXPECT_FALSE(VerifyInclusion(leaf, index, size, root, proof).ok());
      proof.pop_back();
      EXPECT_FALSE(VerifyInclusion(leaf, index, size, root, proof).ok()) << "one too few";
    }
  EXPECT_FALSE(ProveInclusion(tree, kLargest, kLargest).ok());
}

TEST(Merkle, EveryConsistencyHoldsForItsTreesAndNoOther) {
  Tree tree(kLargest), other(0);
  other.Append(AsBytes("another first entry"));
  for (std::uint64_t size = 0; size <= kLargest; ++size)
    for (std::uint64_t old = 0; old <= size; ++old) {
      ASSERT_OK_AND_ASSIGN(Proof proof, ProveConsistency(tree, old, size));
      const Hash32 old_root = tree.Root(old), root = tree.Root(size);
      ASSERT_OK(VerifyConsistency(old, old_root, size, root, proof)) << old << " to " << size;
      EXPECT_FALSE(VerifyConsistency(old, other.Root(1), size, root, proof).ok());
      if (old != 0 && old != size) {
        EXPECT_FALSE(VerifyConsistency(old, old_root, size, other.Root(1), proof).ok());
      }
      EXPECT_FALSE(VerifyConsistency(size + 1, root, size, root, proof).ok());
      proof.push_back(root);
      EXPECT_FALSE(VerifyConsistency(old, old_root, size, root, proof).ok()) << "one too many";
      proof.pop_back();
      if (proof.empty()) continue;
      proof.back()[31] ^= 0x80;
      EXPECT_FALSE(VerifyConsistency(old, old_root, size, root, proof).ok());
      proof.pop_back();
      EXPECT_FALSE(VerifyConsistency(old, old_root, size, root, proof).ok()) << "one too few";
    }
}

TEST(Tile, PathsAreThoseOfTheSpecification) {
  EXPECT_EQ((Tile{0, 1234067}).Path(), "tile/0/x001/x234/067");
  EXPECT_EQ((Tile{2, 0, 1}).Path(), "tile/2/000.p/1");
  EXPECT_EQ((Tile{Tile::kEntries, 273, 112}).Path(), "tile/entries/273.p/112");
}

// The specification's own example.
TEST(Tile, ATreeOf70000) {
  std::map<int, std::pair<int, std::uint64_t>> full_and_partial;
  for (const Tile& tile : TilesOf(70000))
    if (tile.width == kTileWidth)
      ++full_and_partial[tile.level].first;
    else
      full_and_partial[tile.level].second = tile.width;
  using Counts = std::pair<int, std::uint64_t>;
  EXPECT_EQ(full_and_partial[Tile::kEntries], Counts(273, 112));
  EXPECT_EQ(full_and_partial[0], Counts(273, 112));
  EXPECT_EQ(full_and_partial[1], Counts(1, 17));
  EXPECT_EQ(full_and_partial[2], Counts(0, 1));
  EXPECT_EQ(full_and_partial.size(), 4u);
  EXPECT_EQ(TilesOf(256).back().Path(), "tile/1/000.p/1");
  EXPECT_EQ(TilesOf(70001, 70000).size(), 4u) << "only what changed";
}

TEST(Tile, ProofsFromFilesAreThoseFromTheTree) {
  constexpr std::uint64_t kSize = 70'123;
  Tree tree(kSize);
  std::map<std::string, Tile> files;
  for (const Tile& tile : TilesOf(kSize)) files[tile.Path()] = tile;
  int fetched = 0;
  TileReader reader(kSize, [&](const std::string& path) -> absl::StatusOr<Bytes> {
    ++fetched;
    if (!files.contains(path)) return NotFound("%s", path);
    return tree.File(files[path]);
  });
  for (const std::uint64_t index : {0ull, 255ull, 256ull, 65'535ull, 65'536ull, 70'122ull}) {
    ASSERT_OK_AND_ASSIGN(const Proof proof, ProveInclusion(reader, index, kSize));
    EXPECT_EQ(proof, ProveInclusion(tree, index, kSize).value());
    ASSERT_OK_AND_ASSIGN(const Proof consistent, ProveConsistency(reader, index + 1, kSize));
    EXPECT_EQ(consistent, ProveConsistency(tree, index + 1, kSize).value());
  }
  EXPECT_LE(fetched, 12) << "each tile once";
  EXPECT_EQ(RootOf(reader, kSize).value(), tree.frontier.Root());
  EXPECT_FALSE(reader.Read(0, kSize).ok());
  EXPECT_FALSE(reader.Read(17, 0).ok());
}

TEST(Bundle, ComesBackAndRefusesWhatIsNotOne) {
  const std::vector<Bytes> entries = {Bytes(0), Bytes(3, 7), Bytes(kMaxEntryBytes, 1)};
  ASSERT_OK_AND_ASSIGN(Bytes bundle, EncodeBundle(entries));
  EXPECT_EQ(ParseBundle(bundle, 3).value(), entries);
  EXPECT_FALSE(ParseBundle(bundle, 2).ok());
  EXPECT_FALSE(ParseBundle(bundle, 4).ok());
  bundle.pop_back();
  EXPECT_FALSE(ParseBundle(bundle, 3).ok());
  EXPECT_FALSE(ParseBundle(Bytes(1), 1).ok());
  EXPECT_FALSE(EncodeBundle({Bytes(kMaxEntryBytes + 1)}).ok());
}

}  // namespace
}  // namespace veilsum::tlog
