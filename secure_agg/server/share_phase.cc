#include "secure_agg/server/share_phase.h"

namespace veilsum::secure_agg {

SharePhase::SharePhase(std::shared_ptr<const SessionParams> params,
                       std::shared_ptr<const VerifiedRoster> roster, BatchId batch)
    : params_(std::move(params)),
      roster_(std::move(roster)),
      batch_(batch),
      received_(roster_->size()),
      uploads_(roster_->size()) {}

absl::Status SharePhase::Add(RosterIndex sender, ShareUpload upload) {
  const std::size_t n = roster_->size();
  if (sender.value() >= n)
    return PermissionDenied("sender %d is not in the roster", sender.value());
  if (upload.boxes.size() != n - 1)
    return InvalidArgument("boxes has %d entries, must have %d", upload.boxes.size(), n - 1);
  for (std::size_t i = 0; i < upload.boxes.size(); ++i) {
    const RosterIndex to = upload.boxes[i].peer;
    if (to.value() >= n || to == sender || (i > 0 && to <= upload.boxes[i - 1].peer))
      return InvalidArgument("recipient %d is out of order, outside the roster, or the sender",
                             to.value());
  }
  if (received_.Contains(sender)) {
    if (uploads_[sender.value()] == upload) return absl::OkStatus();
    return AlreadyExists("SA-08: sender %d dealt twice", sender.value());
  }
  received_.Insert(sender);
  uploads_[sender.value()] = std::move(upload);
  return absl::OkStatus();
}

absl::StatusOr<ReportPhase> SharePhase::Close() && {
  if (!CanClose())
    return FailedPrecondition("%d members dealt shares, must be at least %d", received_.size(),
                              roster_->thresholds().floor);
  return ReportPhase(std::move(params_), std::move(roster_), batch_, std::move(received_),
                     std::move(uploads_));
}

}  // namespace veilsum::secure_agg
