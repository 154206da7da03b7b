#include "secure_agg/client/batch.h"

namespace veilsum::secure_agg {

std::size_t Batch::remaining_slots() const {
  return secrets_->session().params().slots() - secrets_->next_slot();
}

absl::StatusOr<AwaitingInput> Batch::Accept(const RoundStart& start) {
  ClientSession& session = secrets_->session();
  const SessionParams& params = session.params();
  VEILSUM_RETURN_IF_ERROR(session.CheckNotAlarmed());
  // SA-15
  if (start.setup_hash != secrets_->setup_hash())
    return InvalidArgument("SA-15: the round is for another batch");
  if (start.slot < secrets_->next_slot() || start.slot >= params.slots())
    return InvalidArgument("SA-15: slot is %d, must be %d to %d", start.slot, secrets_->next_slot(),
                           params.slots() - 1);
  if (start.round <= session.last_round_)
    return InvalidArgument("SA-15: round %d does not follow round %d", start.round.value(),
                           session.last_round_.value());
  // SA-16: what of it this layer can see.
  if (start.sum >= params.sums().size())
    return InvalidArgument("SA-16: sum is %d, the contract has %d", start.sum,
                           params.sums().size());
  if (start.step_config.size() > kMaxStepConfigBytes)
    return InvalidArgument("SA-16: step_config has %d bytes, must have at most %d",
                           start.step_config.size(), kMaxStepConfigBytes);
  session.last_round_ = start.round;
  session.EraseOlderThan(*secrets_);  // SA-33
  secrets_->TakeSlot(start.slot);     // SA-31
  return AwaitingInput(SlotCore(secrets_, ContextOf(start), params.sums()[start.sum]));
}

}  // namespace veilsum::secure_agg
