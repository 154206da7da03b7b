#include "secure_agg/client/batch_secrets.h"

#include "secure_agg/transcripts.h"

namespace veilsum::secure_agg {

BatchSecrets::BatchSecrets(std::shared_ptr<ClientSession> session, BatchId id,
                           VerifiedRoster roster, RosterIndex self, LockedBytes own,
                           LockedBytes held)
    : session_(std::move(session)),
      id_(id),
      roster_(std::move(roster)),
      self_(self),
      active_(roster_.size()),
      slots_(session_->params().slots()),
      own_(std::move(own)),
      held_(std::move(held)) {
  VEILSUM_CHECK(own_.bytes().size() == slots_ * kSlotBytes);
  VEILSUM_CHECK(held_.bytes().size() == roster_.size() * slots_ * kSlotBytes);
}

void BatchSecrets::Activate(MemberSet active) {
  setup_hash_ = SetupHash(roster_.hash(), active);
  active_ = std::move(active);
}

std::size_t BatchSecrets::Offset(std::uint16_t slot, RosterIndex dealer) const {
  VEILSUM_CHECK(Alive(slot) && dealer.value() < roster_.size());
  return (std::size_t{dealer.value()} * slots_ + slot) * kSlotBytes;
}

std::span<std::uint8_t> BatchSecrets::Bundle(RosterIndex dealer) {
  return held_.bytes().subspan(Offset(0, dealer), slots_ * kSlotBytes);
}

std::span<const std::uint8_t, 32> BatchSecrets::SelfSecret(std::uint16_t slot) const {
  VEILSUM_CHECK(Alive(slot));
  return std::as_const(own_).bytes().subspan(slot * kSlotBytes).first<32>();
}

std::span<const std::uint8_t, 32> BatchSecrets::MaskKey(std::uint16_t slot) const {
  VEILSUM_CHECK(Alive(slot));
  return std::as_const(own_).bytes().subspan(slot * kSlotBytes + kSecretBytes).first<32>();
}

std::span<const std::uint8_t, 32> BatchSecrets::SelfShare(std::uint16_t slot,
                                                          RosterIndex dealer) const {
  return std::as_const(held_).bytes().subspan(Offset(slot, dealer)).first<32>();
}

std::span<const std::uint8_t, 32> BatchSecrets::MaskKeyShare(std::uint16_t slot,
                                                             RosterIndex dealer) const {
  return std::as_const(held_).bytes().subspan(Offset(slot, dealer) + kSecretBytes).first<32>();
}

void BatchSecrets::EraseBelow(std::uint16_t slot) {
  const auto wipe = [](std::span<std::uint8_t> bytes) {
    sodium_memzero(bytes.data(), bytes.size());
  };
  for (; first_alive_ < slot && first_alive_ < slots_; ++first_alive_) {
    wipe(own_.bytes().subspan(first_alive_ * kSlotBytes, kSlotBytes));
    for (std::size_t dealer = 0; dealer < roster_.size(); ++dealer) {
      wipe(held_.bytes().subspan((dealer * slots_ + first_alive_) * kSlotBytes, kSlotBytes));
    }
  }
  next_slot_ = std::max(next_slot_, first_alive_);
}

void BatchSecrets::TakeSlot(std::uint16_t slot) {
  EraseBelow(slot);
  next_slot_ = static_cast<std::uint16_t>(slot + 1);
}

}  // namespace veilsum::secure_agg
