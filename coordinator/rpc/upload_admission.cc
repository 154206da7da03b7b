#include "coordinator/rpc/upload_admission.h"

#include <algorithm>

namespace veilsum::coordinator {

absl::Status UploadAdmission::Enter(const std::string& seat, const void* ticket, std::function<void()> admit) {
  {
    const std::lock_guard lock(mutex_);
    if (!seats_.insert(seat).second) return ResourceExhausted("%s has an upload open already", seat);
    if (free_ == 0) {
      waiting_.push_back({ticket, std::move(admit)});
      return absl::OkStatus();
    }
    --free_;
    admitted_.insert(ticket);
  }
  admit();
  return absl::OkStatus();
}

void UploadAdmission::Leave(const std::string& seat, const void* ticket) {
  std::function<void()> next;
  {
    const std::lock_guard lock(mutex_);
    seats_.erase(seat);
    if (admitted_.erase(ticket) == 0) {
      std::erase_if(waiting_, [&](const Waiting& entry) { return entry.ticket == ticket; });
      return;
    }
    if (waiting_.empty()) {
      ++free_;
      return;
    }
    admitted_.insert(waiting_.front().ticket);
    next = std::move(waiting_.front().admit);
    waiting_.pop_front();
  }
  next();
}

}  // namespace veilsum::coordinator
