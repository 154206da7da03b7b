#include "coordinator/rpc/upload_admission.h"

#include <algorithm>

namespace veilsum::coordinator {

std::function<void()> UploadAdmission::AdmitNextLocked() {
  if (free_ == 0) return nullptr;
  const auto next = std::ranges::find_if(
      waiting_, [this](const Waiting& entry) { return !admitted_.contains(entry.seat); });
  if (next == waiting_.end()) return nullptr;
  --free_;
  admitted_[next->seat] = next->ticket;
  std::function<void()> admit = std::move(next->admit);
  waiting_.erase(next);
  return admit;
}

absl::Status UploadAdmission::Enter(const std::string& seat, const void* ticket,
                                    std::function<void()> admit) {
  std::function<void()> next;
  {
    const std::lock_guard lock(mutex_);
    if (open_[seat] >= kMaxOfASeat)
      return ResourceExhausted("%s has %d uploads open already", seat, kMaxOfASeat);
    ++open_[seat];
    waiting_.push_back({seat, ticket, std::move(admit)});
    next = AdmitNextLocked();
  }
  if (next) next();
  return absl::OkStatus();
}

void UploadAdmission::Leave(const std::string& seat, const void* ticket) {
  std::function<void()> next;
  {
    const std::lock_guard lock(mutex_);
    if (--open_[seat] == 0) open_.erase(seat);
    const auto place = admitted_.find(seat);
    if (place != admitted_.end() && place->second == ticket) {
      admitted_.erase(place);
      ++free_;
    } else {
      std::erase_if(waiting_, [&](const Waiting& entry) { return entry.ticket == ticket; });
    }
    next = AdmitNextLocked();
  }
  if (next) next();
}

}  // namespace veilsum::coordinator
