#include "base/tlog/merkle.h"

#include <bit>

#include "base/crypto/sha256.h"

namespace veilsum::tlog {
namespace {

// The largest power of two below n, for n > 1: where RFC 6962 splits a tree.
std::uint64_t SplitOf(std::uint64_t n) { return std::bit_floor(n - 1); }

// MTH(D[begin:end]); begin is a multiple of the range's largest power of two, as in every split.
absl::StatusOr<Hash32> RangeHash(HashReader& hashes, std::uint64_t begin, std::uint64_t end) {
  const std::uint64_t count = end - begin;
  if (std::has_single_bit(count))
    return hashes.Read(std::countr_zero(count), begin >> std::countr_zero(count));
  const std::uint64_t middle = begin + SplitOf(count);
  VEILSUM_ASSIGN_OR_RETURN(const Hash32 left, RangeHash(hashes, begin, middle));
  VEILSUM_ASSIGN_OR_RETURN(const Hash32 right, RangeHash(hashes, middle, end));
  return NodeHash(left, right);
}

absl::Status AppendRange(HashReader& hashes, std::uint64_t begin, std::uint64_t end, Proof& proof) {
  VEILSUM_ASSIGN_OR_RETURN(const Hash32 hash, RangeHash(hashes, begin, end));
  proof.push_back(hash);
  return absl::OkStatus();
}

// PATH of RFC 6962 section 2.1.1 over [begin, end).
absl::Status Path(HashReader& hashes, std::uint64_t index, std::uint64_t begin, std::uint64_t end,
                  Proof& proof) {
  if (end - begin == 1) return absl::OkStatus();
  const std::uint64_t middle = begin + SplitOf(end - begin);
  if (index < middle) {
    VEILSUM_RETURN_IF_ERROR(Path(hashes, index, begin, middle, proof));
    return AppendRange(hashes, middle, end, proof);
  }
  VEILSUM_RETURN_IF_ERROR(Path(hashes, index, middle, end, proof));
  return AppendRange(hashes, begin, middle, proof);
}

// SUBPROOF of RFC 6962 section 2.1.2; `whole`: the old tree's root need not be told.
absl::Status Subproof(HashReader& hashes, std::uint64_t old_size, std::uint64_t begin,
                      std::uint64_t end, bool whole, Proof& proof) {
  if (old_size == end) return whole ? absl::OkStatus() : AppendRange(hashes, begin, end, proof);
  const std::uint64_t middle = begin + SplitOf(end - begin);
  if (old_size <= middle) {
    VEILSUM_RETURN_IF_ERROR(Subproof(hashes, old_size, begin, middle, whole, proof));
    return AppendRange(hashes, middle, end, proof);
  }
  VEILSUM_RETURN_IF_ERROR(Subproof(hashes, old_size, middle, end, false, proof));
  return AppendRange(hashes, begin, middle, proof);
}

absl::Status Broken(std::string_view what) { return DataLoss("the %s proof does not hold", what); }

}  // namespace

Hash32 EmptyRoot() { return Sha256(ByteView()); }

Hash32 LeafHash(ByteView entry) {
  Bytes bytes(1 + entry.size(), 0x00);
  std::copy(entry.begin(), entry.end(), bytes.begin() + 1);
  return Sha256(bytes);
}

Hash32 NodeHash(const Hash32& left, const Hash32& right) {
  ByteArray<65> bytes{0x01};
  std::copy(left.begin(), left.end(), bytes.begin() + 1);
  std::copy(right.begin(), right.end(), bytes.begin() + 33);
  return Sha256(bytes);
}

void Frontier::Append(const Hash32& leaf) {
  Hash32 hash = leaf;
  for (std::uint64_t size = size_; (size & 1) != 0; size >>= 1) {
    hash = NodeHash(peaks_.back(), hash);
    peaks_.pop_back();
  }
  peaks_.push_back(hash);
  ++size_;
}

Hash32 Frontier::Root() const {
  if (peaks_.empty()) return EmptyRoot();
  Hash32 root = peaks_.back();
  for (std::size_t i = peaks_.size() - 1; i-- > 0;) root = NodeHash(peaks_[i], root);
  return root;
}

absl::StatusOr<Hash32> RootOf(HashReader& hashes, std::uint64_t size) {
  if (size == 0) return EmptyRoot();
  return RangeHash(hashes, 0, size);
}

absl::StatusOr<Proof> ProveInclusion(HashReader& hashes, std::uint64_t index, std::uint64_t size) {
  if (index >= size) return InvalidArgument("leaf %d is not among %d", index, size);
  Proof proof;
  VEILSUM_RETURN_IF_ERROR(Path(hashes, index, 0, size, proof));
  return proof;
}

absl::StatusOr<Proof> ProveConsistency(HashReader& hashes, std::uint64_t old_size,
                                       std::uint64_t size) {
  if (old_size > size) return InvalidArgument("old size %d is above size %d", old_size, size);
  Proof proof;
  if (old_size != 0) VEILSUM_RETURN_IF_ERROR(Subproof(hashes, old_size, 0, size, true, proof));
  return proof;
}

absl::Status VerifyInclusion(const Hash32& leaf, std::uint64_t index, std::uint64_t size,
                             const Hash32& root, const Proof& proof) {
  if (index >= size) return Broken("inclusion");
  std::uint64_t node = index, last = size - 1;
  Hash32 hash = leaf;
  for (const Hash32& sibling : proof) {
    if (last == 0) return Broken("inclusion");
    if ((node & 1) != 0 || node == last) {
      hash = NodeHash(sibling, hash);
      for (; (node & 1) == 0 && node != 0; last >>= 1) node >>= 1;
    } else {
      hash = NodeHash(hash, sibling);
    }
    node >>= 1;
    last >>= 1;
  }
  return last == 0 && hash == root ? absl::OkStatus() : Broken("inclusion");
}

absl::Status VerifyConsistency(std::uint64_t old_size, const Hash32& old_root, std::uint64_t size,
                               const Hash32& root, const Proof& proof) {
  if (old_size > size) return Broken("consistency");
  if (old_size == size || old_size == 0) {
    const Hash32& same = old_size == 0 ? EmptyRoot() : root;
    return proof.empty() && old_root == same ? absl::OkStatus() : Broken("consistency");
  }
  std::uint64_t node = old_size - 1, last = size - 1;
  for (; (node & 1) != 0; last >>= 1) node >>= 1;
  std::size_t next = 0;
  if (node != 0 && proof.empty()) return Broken("consistency");
  // An old tree that is one complete subtree is its own first hash.
  const Hash32 start = node == 0 ? old_root : proof[next++];
  Hash32 old_hash = start, new_hash = start;
  for (; next < proof.size(); ++next) {
    if (last == 0) return Broken("consistency");
    if ((node & 1) != 0 || node == last) {
      old_hash = NodeHash(proof[next], old_hash);
      new_hash = NodeHash(proof[next], new_hash);
      for (; (node & 1) == 0 && node != 0; last >>= 1) node >>= 1;
    } else {
      new_hash = NodeHash(new_hash, proof[next]);
    }
    node >>= 1;
    last >>= 1;
  }
  return last == 0 && old_hash == old_root && new_hash == root ? absl::OkStatus()
                                                               : Broken("consistency");
}

}  // namespace veilsum::tlog
