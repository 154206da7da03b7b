// S2 at the coordinator: collects the boxes that members deal to one another, without being able to
// open them.
#pragma once

#include "secure_agg/server/report_phase.h"

namespace veilsum::secure_agg {

class SharePhase {
 public:
  SharePhase(std::shared_ptr<const SessionParams> params,
             std::shared_ptr<const VerifiedRoster> roster, BatchId batch);

  const VerifiedRoster& roster() const { return *roster_; }
  // InvalidArgument: recipients are not all the others, ascending. AlreadyExists: a second,
  // different upload (SA-08); the same bytes again are accepted.
  absl::Status Add(RosterIndex sender, ShareUpload upload);
  MemberSet Missing() const { return MemberSet::All(roster_->size()).Minus(received_); }
  bool CanClose() const { return received_.size() >= roster_->thresholds().floor; }
  // Members that dealt nothing take no further part. FailedPrecondition when CanClose is false.
  absl::StatusOr<ReportPhase> Close() &&;

 private:
  std::shared_ptr<const SessionParams> params_;
  std::shared_ptr<const VerifiedRoster> roster_;
  BatchId batch_;
  MemberSet received_;
  std::vector<ShareUpload> uploads_;  // by sender
};

}  // namespace veilsum::secure_agg
