// The certificate over V: collects and verifies one setup signature per member of V.
#pragma once

#include "secure_agg/roster/certificate.h"
#include "secure_agg/sent.h"
#include "secure_agg/server/server_batch.h"

namespace veilsum::secure_agg {

class SetupPhase {
 public:
  const VerifiedRoster& roster() const { return *roster_; }
  const MemberSet& active() const { return signatures_.electorate(); }
  // PermissionDenied: not in V. Unauthenticated: the signature is not over this V. Repeats are
  // ignored.
  absl::Status Add(RosterIndex sender, const SetupSignature& signature);
  MemberSet Missing() const { return signatures_.Missing(); }
  bool CanClose() const { return signatures_.Enough(); }  // at least q; more may be waited for
  // FailedPrecondition when CanClose is false.
  absl::StatusOr<Sent<Certificate, ServerBatch>> Close() &&;

 private:
  friend class ReportPhase;
  SetupPhase(std::shared_ptr<const SessionParams> params,
             std::shared_ptr<const VerifiedRoster> roster, BatchId batch, MemberSet active);
  std::shared_ptr<const SessionParams> params_;
  std::shared_ptr<const VerifiedRoster> roster_;
  BatchId batch_;
  SignatureCollection signatures_;
};

}  // namespace veilsum::secure_agg
