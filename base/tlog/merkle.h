// The Merkle tree of a transparency log: RFC 6962 section 2.1 (the tree and both proofs), with the
// checking algorithms of RFC 9162 sections 2.1.3.2 and 2.1.4.2. SHA-256 throughout. Pure.
#pragma once

#include <vector>

#include "base/bytes.h"

namespace veilsum::tlog {

using Proof = std::vector<Hash32>;  // from the leaf's side to the root's

Hash32 EmptyRoot();                                        // of a log without entries
Hash32 LeafHash(ByteView entry);                           // SHA-256(0x00 || entry)
Hash32 NodeHash(const Hash32& left, const Hash32& right);  // SHA-256(0x01 || left || right)

// Grows leaf by leaf in O(log size) memory: the complete subtrees on the tree's right edge.
class Frontier {
 public:
  void Append(const Hash32& leaf);
  std::uint64_t size() const { return size_; }
  Hash32 Root() const;

 private:
  std::uint64_t size_ = 0;
  std::vector<Hash32> peaks_;  // largest subtree first: one for each bit set in size_
};

// Where hashes of a tree are kept. Read(level, index): the hash over leaves
// [index * 2^level, (index + 1) * 2^level), all of which are in the tree. Errors are the store's.
class HashReader {
 public:
  virtual ~HashReader() = default;
  virtual absl::StatusOr<Hash32> Read(int level, std::uint64_t index) = 0;
};

// Of the first `size` leaves. O(log size) reads.
absl::StatusOr<Hash32> RootOf(HashReader& hashes, std::uint64_t size);
// That leaf `index` is among the first `size`. InvalidArgument: index >= size.
absl::StatusOr<Proof> ProveInclusion(HashReader& hashes, std::uint64_t index, std::uint64_t size);
// That the first `old_size` leaves are a prefix of the first `size`. Empty when old_size is 0 or
// size. InvalidArgument: old_size > size.
absl::StatusOr<Proof> ProveConsistency(HashReader& hashes, std::uint64_t old_size,
                                       std::uint64_t size);

// DataLoss: the proof does not hold. Both look at every hash of the proof and at nothing else.
absl::Status VerifyInclusion(const Hash32& leaf, std::uint64_t index, std::uint64_t size,
                             const Hash32& root, const Proof& proof);
absl::Status VerifyConsistency(std::uint64_t old_size, const Hash32& old_root, std::uint64_t size,
                               const Hash32& root, const Proof& proof);

}  // namespace veilsum::tlog
