#include "secure_agg/roster/member_set.h"

#include <bit>

namespace veilsum::secure_agg {

MemberSet MemberSet::All(std::size_t roster_size) {
  MemberSet set(roster_size);
  for (std::size_t i = 0; i < roster_size; ++i)
    set.Insert(RosterIndex(static_cast<std::uint16_t>(i)));
  return set;
}

absl::StatusOr<MemberSet> MemberSet::Parse(std::string_view field, std::size_t roster_size,
                                           ByteView bytes) {
  MemberSet set(roster_size);
  if (bytes.size() != set.bits_.size())
    return InvalidArgument("SA-37: %s has %d bytes, must have %d", field, bytes.size(),
                           set.bits_.size());
  if (roster_size % 8 != 0 && bytes.back() >> (roster_size % 8) != 0)
    return InvalidArgument("SA-37: %s has a padding bit that is not zero", field);
  set.bits_.assign(bytes.begin(), bytes.end());
  return set;
}

std::size_t MemberSet::size() const {
  std::size_t count = 0;
  for (const std::uint8_t byte : bits_) count += static_cast<std::size_t>(std::popcount(byte));
  return count;
}

void MemberSet::Insert(RosterIndex i) {
  VEILSUM_CHECK(i.value() < n_);
  bits_[i.value() / 8] |= static_cast<std::uint8_t>(1 << (i.value() % 8));
}

void MemberSet::Erase(RosterIndex i) {
  VEILSUM_CHECK(i.value() < n_);
  bits_[i.value() / 8] &= static_cast<std::uint8_t>(~(1 << (i.value() % 8)));
}

bool MemberSet::IsSubsetOf(const MemberSet& other) const {
  return n_ == other.n_ && Minus(other).size() == 0;
}

MemberSet MemberSet::Minus(const MemberSet& other) const {
  VEILSUM_CHECK(n_ == other.n_);
  MemberSet out(n_);
  for (std::size_t i = 0; i < bits_.size(); ++i)
    out.bits_[i] = bits_[i] & static_cast<std::uint8_t>(~other.bits_[i]);
  return out;
}

std::vector<RosterIndex> MemberSet::Indices() const {
  std::vector<RosterIndex> out;
  for (std::size_t i = 0; i < n_; ++i) {
    if (const RosterIndex index(static_cast<std::uint16_t>(i)); Contains(index))
      out.push_back(index);
  }
  return out;
}

Hash32 MemberSet::SetHash() const {
  return Transcript("fsa/v1/set").AddU16(static_cast<std::uint16_t>(n_)).Add(bits_).Sha256();
}

}  // namespace veilsum::secure_agg
