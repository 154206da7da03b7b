// S3 at the coordinator: delivers the boxes, hears who holds which, and fixes the active set V
// (SA-14).
#pragma once

#include "secure_agg/sent.h"
#include "secure_agg/server/setup_phase.h"

namespace veilsum::secure_agg {

class ReportPhase {
 public:
  const VerifiedRoster& roster() const { return *roster_; }
  const MemberSet& dealt() const { return dealt_; }  // who is to be sent a delivery
  ShareDelivery DeliveryFor(
      RosterIndex member) const;  // the boxes addressed to a member of dealt()
  // InvalidArgument: not a member of dealt(), itself not in its set. A repeat replaces nothing:
  // AlreadyExists if different.
  absl::Status Add(RosterIndex sender, const ShareReport& report);
  MemberSet Missing() const { return dealt_.Minus(reported_); }
  // V as it would be now: members that reported, less both members of every (holder, dealer) pair
  // that failed, pairs in ascending order and skipped when one of the two is already out (SA-14).
  MemberSet Candidate() const;
  bool CanClose() const { return Candidate().size() >= roster_->thresholds().floor; }
  // FailedPrecondition when CanClose is false.
  absl::StatusOr<Sent<ActiveSet, SetupPhase>> Close() &&;

 private:
  friend class SharePhase;
  ReportPhase(std::shared_ptr<const SessionParams> params,
              std::shared_ptr<const VerifiedRoster> roster, BatchId batch, MemberSet dealt,
              std::vector<ShareUpload> uploads);
  std::shared_ptr<const SessionParams> params_;
  std::shared_ptr<const VerifiedRoster> roster_;
  BatchId batch_;
  MemberSet dealt_;
  std::vector<ShareUpload> uploads_;
  MemberSet reported_;
  std::vector<MemberSet> held_;  // by holder
};

}  // namespace veilsum::secure_agg
