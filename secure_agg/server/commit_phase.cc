#include "secure_agg/server/commit_phase.h"

namespace veilsum::secure_agg {
namespace {

Bytes StatementOf(const SlotContext& context, const MemberSet& survivors) {
  const Transcript statement = CommitStatement(context, survivors);
  return Bytes(statement.bytes().begin(), statement.bytes().end());
}

}  // namespace

CommitPhase::CommitPhase(ServerSlot slot, MemberSet survivors, Bytes accumulator)
    : slot_(std::move(slot)),
      survivors_(std::move(survivors)),
      accumulator_(std::move(accumulator)),
      signatures_(slot_.batch->roster, slot_.batch->active,
                  StatementOf(slot_.context, survivors_)) {}

absl::Status CommitPhase::Add(RosterIndex sender, const CommitSignature& signature) {
  if (signature.round != round())
    return InvalidArgument("the signature is for round %d, not for %d", signature.round.value(),
                           round().value());
  return signatures_.Add(sender, signature.signature);
}

absl::StatusOr<Sent<CommitCertificate, UnmaskPhase>> CommitPhase::Close() && {
  if (!CanClose())
    return FailedPrecondition("%d commit signatures, must be at least %d", signatures_.size(),
                              slot_.batch->roster->thresholds().quorum);
  CommitCertificate certificate{round(), survivors_, signatures_.ToCertificate()};
  UnmaskPhase next(std::move(slot_), std::move(survivors_), std::move(accumulator_));
  return Sent<CommitCertificate, UnmaskPhase>{std::move(certificate), std::move(next)};
}

}  // namespace veilsum::secure_agg
