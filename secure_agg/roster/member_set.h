// A subset of a roster: V, U, the dealers somebody holds shares of.
#pragma once

#include <vector>

#include "base/bytes.h"
#include "base/strong_type.h"

namespace veilsum::secure_agg {

// On the wire and in set_hash: ceil(n/8) bytes, bit i of byte i/8 least significant first, padding
// bits zero.
class MemberSet {
 public:
  explicit MemberSet(std::size_t roster_size) : n_(roster_size), bits_((roster_size + 7) / 8) {}
  static MemberSet All(std::size_t roster_size);
  // InvalidArgument naming `field`: another length, or a padding bit that is not zero (SA-23,
  // SA-37).
  static absl::StatusOr<MemberSet> Parse(std::string_view field, std::size_t roster_size,
                                         ByteView bytes);

  std::size_t roster_size() const { return n_; }
  std::size_t size() const;
  bool Contains(RosterIndex i) const {
    return i.value() < n_ && (bits_[i.value() / 8] >> (i.value() % 8) & 1) != 0;
  }
  void Insert(RosterIndex i);  // i must be below roster_size()
  void Erase(RosterIndex i);
  bool IsSubsetOf(const MemberSet& other) const;
  MemberSet Minus(const MemberSet& other) const;
  std::vector<RosterIndex> Indices() const;  // ascending
  const Bytes& bytes() const { return bits_; }
  Hash32 SetHash() const;  // H("fsa/v1/set" | n u16 | bytes)
  friend bool operator==(const MemberSet&, const MemberSet&) = default;

 private:
  std::size_t n_;
  Bytes bits_;
};

}  // namespace veilsum::secure_agg
