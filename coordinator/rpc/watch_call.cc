#include "coordinator/rpc/watch_call.h"

#include "coordinator/rpc/status_map.h"

namespace veilsum::coordinator {

void WatchCall::Begin(AdminBackend& backend, const std::string& run_id) {
  self_ = shared_from_this();
  auto unwatch = backend.Watch(
      run_id, [weak = weak_from_this()](const admin::v1::RunProgress& progress, bool ended) {
        if (const auto self = weak.lock()) self->OnProgress(progress, ended);
      });
  if (!unwatch.ok()) return Close(unwatch.status());
  bool late;
  {
    const std::lock_guard lock(mutex_);
    late = unwatched_;
    if (!late) unwatch_ = *std::move(unwatch);
  }
  if (late) (*unwatch)();
}

void WatchCall::OnProgress(const admin::v1::RunProgress& progress, bool ended) {
  constexpr std::size_t kMaxWaiting = 64;
  const std::lock_guard lock(mutex_);
  if (closed_) return;
  if (queue_.size() == kMaxWaiting) queue_.pop_front();
  queue_.push_back(progress);
  closed_ = ended;
  AdvanceLocked();
}

void WatchCall::Close(const absl::Status& reason) {
  const std::lock_guard lock(mutex_);
  if (!closed_) reason_ = reason;
  closed_ = true;
  AdvanceLocked();
}

void WatchCall::AdvanceLocked() {
  if (writing_ || finished_) return;
  if (!queue_.empty()) {
    writing_ = true;
    outgoing_ = std::move(queue_.front());
    queue_.pop_front();
    StartWrite(&outgoing_);
  } else if (closed_) {
    finished_ = true;
    Finish(ToGrpc(reason_));
  }
}

void WatchCall::OnWriteDone(bool ok) {
  const std::lock_guard lock(mutex_);
  writing_ = false;
  if (!ok) {
    queue_.clear();
    closed_ = true;
  }
  AdvanceLocked();
}

void WatchCall::OnDone() {
  std::function<void()> unwatch;
  {
    const std::lock_guard lock(mutex_);
    unwatched_ = true;
    unwatch = std::exchange(unwatch_, nullptr);
  }
  if (unwatch) unwatch();
  ended_call_(this);
  self_.reset();
}

}  // namespace veilsum::coordinator
