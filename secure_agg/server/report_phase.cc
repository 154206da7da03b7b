#include "secure_agg/server/report_phase.h"

namespace veilsum::secure_agg {

ReportPhase::ReportPhase(std::shared_ptr<const SessionParams> params,
                         std::shared_ptr<const VerifiedRoster> roster, BatchId batch,
                         MemberSet dealt, std::vector<ShareUpload> uploads)
    : params_(std::move(params)),
      roster_(std::move(roster)),
      batch_(batch),
      dealt_(std::move(dealt)),
      uploads_(std::move(uploads)),
      reported_(roster_->size()),
      held_(roster_->size(), MemberSet(roster_->size())) {}

ShareDelivery ReportPhase::DeliveryFor(RosterIndex member) const {
  ShareDelivery delivery;
  for (const RosterIndex dealer : dealt_.Indices()) {
    if (dealer == member) continue;
    // An upload lists every recipient but its dealer, in order.
    const std::size_t place = member < dealer ? member.value() : member.value() - 1;
    delivery.boxes.push_back({dealer, uploads_[dealer.value()].boxes[place].box});
  }
  return delivery;
}

absl::Status ReportPhase::Add(RosterIndex sender, const ShareReport& report) {
  if (!dealt_.Contains(sender))
    return PermissionDenied("sender %d dealt no shares", sender.value());
  if (report.held.roster_size() != roster_->size() || !report.held.Contains(sender))
    return InvalidArgument("held of sender %d is not over this roster or leaves the sender out",
                           sender.value());
  if (reported_.Contains(sender)) {
    if (held_[sender.value()] == report.held) return absl::OkStatus();
    return AlreadyExists("sender %d reported twice", sender.value());
  }
  reported_.Insert(sender);
  held_[sender.value()] = report.held;
  return absl::OkStatus();
}

MemberSet ReportPhase::Candidate() const {
  MemberSet active = reported_;
  for (const RosterIndex holder :
       reported_.Indices()) {  // SA-14: a failed pair contains a liar or a lost message
    for (const RosterIndex dealer : reported_.Indices()) {
      if (held_[holder.value()].Contains(dealer) || !active.Contains(holder) ||
          !active.Contains(dealer))
        continue;
      active.Erase(holder);
      active.Erase(dealer);
    }
  }
  return active;
}

absl::StatusOr<Sent<ActiveSet, SetupPhase>> ReportPhase::Close() && {
  MemberSet active = Candidate();
  if (active.size() < roster_->thresholds().floor)
    return FailedPrecondition("SA-14: the active set has %d members, must have at least %d",
                              active.size(), roster_->thresholds().floor);
  SetupPhase next(std::move(params_), std::move(roster_), batch_, active);
  return Sent<ActiveSet, SetupPhase>{ActiveSet{std::move(active)}, std::move(next)};
}

}  // namespace veilsum::secure_agg
