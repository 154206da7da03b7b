#include "secure_agg/server/input_phase.h"

#include "secure_agg/arith/ring.h"

namespace veilsum::secure_agg {

InputPhase::InputPhase(ServerSlot slot)
    : slot_(std::move(slot)),
      uploaded_(slot_.batch->roster->size()),
      accumulator_(slot_.shape.UploadBytes()) {}

absl::Status InputPhase::Add(RosterIndex sender, ByteView words) {
  // SA-20
  if (!slot_.batch->active.Contains(sender))
    return PermissionDenied("SA-20: sender %d is not in the active set", sender.value());
  if (words.size() != ExpectedBytes())
    return InvalidArgument("SA-20: the upload has %d bytes, must have %d", words.size(),
                           ExpectedBytes());
  if (uploaded_.Contains(sender))
    return AlreadyExists("SA-20: sender %d has uploaded", sender.value());
  AddWords(slot_.shape.bits, accumulator_, words);
  uploaded_.Insert(sender);
  return absl::OkStatus();
}

absl::StatusOr<Sent<CommitRequest, CommitPhase>> InputPhase::Freeze() && {
  if (!CanFreeze())
    return FailedPrecondition("SA-23: %d uploads, must be at least %d", uploaded_.size(),
                              slot_.batch->roster->thresholds().floor);
  CommitRequest request{round(), uploaded_};
  CommitPhase next(std::move(slot_), std::move(uploaded_), std::move(accumulator_));
  return Sent<CommitRequest, CommitPhase>{std::move(request), std::move(next)};
}

}  // namespace veilsum::secure_agg
