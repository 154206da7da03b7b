#include "cli/support/stop_signal.h"

#include <sys/eventfd.h>
#include <unistd.h>

namespace veilsum::cli {

StopSignal::StopSignal() : event_(eventfd(0, EFD_CLOEXEC)) {
  VEILSUM_CHECK(event_ >= 0);
  signals_.emplace([this](int signal) {
    Raise(signal == SIGINT ? "interrupted" : "terminated", /*is_failure=*/false);
  });
}

StopSignal::~StopSignal() {
  signals_.reset();  // its thread writes to event_
  close(event_);
}

void StopSignal::Raise(std::string reason, bool is_failure) {
  std::function<void()> listener;
  {
    const std::lock_guard lock(mutex_);
    if (raised_) return;
    reason_ = std::move(reason);
    is_failure_ = is_failure;
    raised_ = true;
    listener = listener_;
  }
  const std::uint64_t one = 1;
  VEILSUM_CHECK(write(event_, &one, sizeof one) == sizeof one);
  if (listener) listener();
}

void StopSignal::SetListener(std::function<void()> listener) {
  {
    const std::lock_guard lock(mutex_);
    listener_ = listener;
    if (!raised_) return;
  }
  if (listener) listener();
}

bool StopSignal::is_failure() const {
  const std::lock_guard lock(mutex_);
  return is_failure_;
}

std::string StopSignal::reason() const {
  const std::lock_guard lock(mutex_);
  return reason_;
}

}  // namespace veilsum::cli
