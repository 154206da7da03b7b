#include "secure_agg/server/setup_phase.h"

#include "secure_agg/transcripts.h"

namespace veilsum::secure_agg {
namespace {

Bytes StatementOf(const VerifiedRoster& roster, const MemberSet& active) {
  const Transcript statement = SetupStatement(roster.hash(), active);
  return Bytes(statement.bytes().begin(), statement.bytes().end());
}

}  // namespace

SetupPhase::SetupPhase(std::shared_ptr<const SessionParams> params,
                       std::shared_ptr<const VerifiedRoster> roster, BatchId batch,
                       MemberSet active)
    : params_(std::move(params)),
      roster_(std::move(roster)),
      batch_(batch),
      signatures_(roster_, active, StatementOf(*roster_, active)) {}

absl::Status SetupPhase::Add(RosterIndex sender, const SetupSignature& signature) {
  return signatures_.Add(sender, signature.signature);
}

absl::StatusOr<Sent<Certificate, ServerBatch>> SetupPhase::Close() && {
  if (!CanClose())
    return FailedPrecondition("%d setup signatures, must be at least %d", signatures_.size(),
                              roster_->thresholds().quorum);
  const Hash32 setup_hash = SetupHash(roster_->hash(), active());
  auto view =
      std::make_shared<const BatchView>(BatchView{params_, roster_, batch_, active(), setup_hash});
  return Sent<Certificate, ServerBatch>{signatures_.ToCertificate(), ServerBatch(std::move(view))};
}

}  // namespace veilsum::secure_agg
