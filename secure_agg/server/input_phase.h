// R1 at the coordinator: adds masked vectors into one accumulator of d elements, until U is frozen.
#pragma once

#include "secure_agg/sent.h"
#include "secure_agg/server/commit_phase.h"

namespace veilsum::secure_agg {

class InputPhase {
 public:
  RoundId round() const { return slot_.context.round; }
  std::size_t ExpectedBytes() const {
    return slot_.shape.UploadBytes();
  }  // for every upload, exactly (SA-20)
  // Adds a complete upload. PermissionDenied: not in V. InvalidArgument: another length.
  // AlreadyExists: has one (SA-20).
  absl::Status Add(RosterIndex sender, ByteView words);
  const MemberSet& uploaded() const { return uploaded_; }
  MemberSet Missing() const { return slot_.batch->active.Minus(uploaded_); }
  bool CanFreeze() const { return uploaded_.size() >= slot_.batch->roster->thresholds().floor; }
  // Fixes U. The driver stores (round, U) durably before the first CommitRequest leaves (SA-22);
  // the phase is gone, so a late upload has nowhere to go (SA-21). FailedPrecondition when
  // CanFreeze is false: the slot is spent.
  absl::StatusOr<Sent<CommitRequest, CommitPhase>> Freeze() &&;

 private:
  friend class ServerBatch;
  explicit InputPhase(ServerSlot slot);
  ServerSlot slot_;
  MemberSet uploaded_;
  Bytes accumulator_;
};

}  // namespace veilsum::secure_agg
