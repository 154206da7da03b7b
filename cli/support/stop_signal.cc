#include "cli/support/stop_signal.h"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace veilsum::cli {
namespace {

sigset_t StopSignals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  return set;
}

void Ring(int event) {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = write(event, &one, sizeof one);
}

}  // namespace

StopSignal::StopSignal() : event_(eventfd(0, EFD_CLOEXEC)), quit_(eventfd(0, EFD_CLOEXEC)) {
  const sigset_t set = StopSignals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  signals_ = signalfd(-1, &set, SFD_CLOEXEC);
  thread_ = std::thread([this] { Wait(); });
}

StopSignal::~StopSignal() {
  Ring(quit_);
  thread_.join();
  for (const int fd : {signals_, event_, quit_}) close(fd);
  const sigset_t set = StopSignals();
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

void StopSignal::Wait() {
  pollfd fds[] = {{.fd = signals_, .events = POLLIN, .revents = 0},
                  {.fd = quit_, .events = POLLIN, .revents = 0}};
  bool again = false;
  while (true) {
    if (poll(fds, 2, -1) < 0) continue;
    if (fds[1].revents != 0) return;
    signalfd_siginfo info;
    if (read(signals_, &info, sizeof info) != sizeof info) continue;
    if (std::exchange(again, true)) _exit(128 + SIGINT);
    Raise(info.ssi_signo == SIGINT ? "interrupted" : "terminated", /*is_failure=*/false);
  }
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
  Ring(event_);
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
