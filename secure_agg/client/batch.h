// A batch that is ready: its certified active set V and the secrets of its B slots.
#pragma once

#include "secure_agg/client/batch_secrets.h"
#include "secure_agg/client/slot.h"

namespace veilsum::secure_agg {

class Batch {
 public:
  Batch(Batch&&) = default;
  Batch& operator=(Batch&&) = default;

  const Hash32& setup_hash() const { return secrets_->setup_hash(); }
  const VerifiedRoster& roster() const { return secrets_->roster(); }
  const MemberSet& active() const { return secrets_->active(); }  // V
  RosterIndex self() const { return secrets_->self(); }
  std::uint32_t batch_number() const { return secrets_->id().batch; }
  // Slots above the highest accepted one.
  std::size_t remaining_slots() const;

  // Opens a slot: setup_hash is this batch's, the slot is above all accepted before, the round
  // number above all recorded (SA-15), the sum exists in the contract. Erases every lower slot
  // (SA-31) and every older batch (SA-33), also when a phase of the earlier slot was discarded half
  // way. The caller has checked the model and the step (SA-16), and charges its privacy ledger
  // before the upload leaves (SA-17). A refusal changes nothing.
  absl::StatusOr<AwaitingInput> Accept(const RoundStart& start);
  // The client's own clock says that the open slot's time is over (SA-31): wipes its secrets. Slots
  // above it can still be accepted.
  void CloseSlot() { secrets_->EraseBelow(secrets_->next_slot()); }
  // The batch is over: wipes all its secrets. Open phases of it answer FailedPrecondition from now
  // on.
  void Erase() { secrets_->EraseAll(); }

 private:
  friend class AwaitingSetupCertificate;
  explicit Batch(std::shared_ptr<BatchSecrets> secrets) : secrets_(std::move(secrets)) {}
  std::shared_ptr<BatchSecrets> secrets_;
};

}  // namespace veilsum::secure_agg
