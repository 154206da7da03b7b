// The secrets of one batch in locked memory: wiped slot by slot, and as a whole (SA-31, SA-32).
// Internal to this folder.
#pragma once

#include "secure_agg/client/session.h"
#include "secure_agg/crypto/locked_bytes.h"

namespace veilsum::secure_agg {

class BatchSecrets {
 public:
  static constexpr std::size_t kSecretBytes = 32;
  static constexpr std::size_t kSlotBytes = 2 * kSecretBytes;  // b, then s_sk

  // `own`: for slot 0..B-1 the own b and s_sk. `held`: n times B times 64 bytes, dealer-major, zero
  // until received.
  BatchSecrets(std::shared_ptr<ClientSession> session, BatchId id, VerifiedRoster roster,
               RosterIndex self, LockedBytes own, LockedBytes held);

  ClientSession& session() const { return *session_; }
  const BatchId& id() const { return id_; }
  const VerifiedRoster& roster() const { return roster_; }
  RosterIndex self() const { return self_; }
  const MemberSet& active() const { return active_; }
  const Hash32& setup_hash() const { return setup_hash_; }
  void Activate(MemberSet active);  // fixes V and setup_hash

  std::span<const std::uint8_t> OwnSecrets() const {
    return own_.bytes();
  }  // what is dealt: B times (b, s_sk)
  std::span<std::uint8_t> Bundle(
      RosterIndex dealer);  // B times 64 bytes: what this dealer dealt to us
  std::span<const std::uint8_t, 32> SelfSecret(std::uint16_t slot) const;  // b
  std::span<const std::uint8_t, 32> MaskKey(std::uint16_t slot) const;     // s_sk
  std::span<const std::uint8_t, 32> SelfShare(std::uint16_t slot, RosterIndex dealer) const;
  std::span<const std::uint8_t, 32> MaskKeyShare(std::uint16_t slot, RosterIndex dealer) const;

  bool Alive(std::uint16_t slot) const { return slot >= first_alive_ && slot < slots_; }
  void EraseBelow(std::uint16_t slot);  // wipes every slot under it; erased slots never come back
  void EraseAll() { EraseBelow(slots_); }
  // The next slot that Accept may take; slots under it were accepted or skipped.
  std::uint16_t next_slot() const { return next_slot_; }
  void TakeSlot(std::uint16_t slot);  // erases all lower ones

 private:
  std::size_t Offset(std::uint16_t slot, RosterIndex dealer) const;
  std::shared_ptr<ClientSession> session_;
  BatchId id_;
  VerifiedRoster roster_;
  RosterIndex self_;
  MemberSet active_;
  Hash32 setup_hash_{};
  std::uint16_t slots_;
  std::uint16_t first_alive_ = 0;
  std::uint16_t next_slot_ = 0;
  LockedBytes own_;
  LockedBytes held_;
};

}  // namespace veilsum::secure_agg
