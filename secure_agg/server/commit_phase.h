// R2 at the coordinator: gathers the certificate over U. CommitRequest goes to all live members of
// V.
#pragma once

#include "secure_agg/roster/certificate.h"
#include "secure_agg/sent.h"
#include "secure_agg/server/unmask_phase.h"

namespace veilsum::secure_agg {

class CommitPhase {
 public:
  RoundId round() const { return slot_.context.round; }
  const MemberSet& survivors() const { return survivors_; }  // U
  // PermissionDenied: not in V. Unauthenticated: not over this U. InvalidArgument: another round.
  // Repeats are ignored.
  absl::Status Add(RosterIndex sender, const CommitSignature& signature);
  MemberSet Missing() const { return signatures_.Missing(); }
  bool CanClose() const { return signatures_.Enough(); }  // at least q
  // FailedPrecondition when CanClose is false: the slot is spent.
  absl::StatusOr<Sent<CommitCertificate, UnmaskPhase>> Close() &&;

 private:
  friend class InputPhase;
  CommitPhase(ServerSlot slot, MemberSet survivors, Bytes accumulator);
  ServerSlot slot_;
  MemberSet survivors_;
  Bytes accumulator_;
  SignatureCollection signatures_;
};

}  // namespace veilsum::secure_agg
