#include "secure_agg/server/server_batch.h"

namespace veilsum::secure_agg {

absl::StatusOr<Sent<RoundStart, InputPhase>> ServerBatch::OpenSlot(SlotRequest request) {
  const SessionParams& params = *view_->params;
  if (request.slot < next_slot_ || request.slot >= params.slots())
    return InvalidArgument("slot is %d, must be %d to %d", request.slot, next_slot_,
                           params.slots() - 1);
  if (request.round <= last_round_)
    return InvalidArgument("round %d does not follow round %d", request.round.value(),
                           last_round_.value());
  if (request.sum >= params.sums().size())
    return InvalidArgument("sum is %d, the contract has %d", request.sum, params.sums().size());
  if (request.config.size() > kMaxStepConfigBytes)
    return InvalidArgument("config has %d bytes, must have at most %d", request.config.size(),
                           kMaxStepConfigBytes);
  next_slot_ = static_cast<std::uint16_t>(request.slot + 1);
  last_round_ = request.round;
  RoundStart start{view_->setup_hash,        request.slot, request.round,
                   request.model_hash,       request.sum,  request.step,
                   std::move(request.config)};
  InputPhase next(ServerSlot{view_, ContextOf(start), params.sums()[start.sum]});
  return Sent<RoundStart, InputPhase>{std::move(start), std::move(next)};
}

}  // namespace veilsum::secure_agg
