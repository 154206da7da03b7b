#include "base/stop_on_signal.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/status.h"

namespace veilsum {
namespace {

sigset_t Signals(bool reload) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  if (reload) sigaddset(&signals, SIGHUP);
  return signals;
}

void WaitForSignals(int signals, int wake, const std::function<void(int)>& stop,
                    const std::function<void()>& reload) {
  for (int seen = 0;;) {
    pollfd fds[2] = {{signals, POLLIN, 0}, {wake, POLLIN, 0}};
    if (poll(fds, 2, -1) < 0) continue;
    if (fds[1].revents != 0) return;
    signalfd_siginfo info;
    if (fds[0].revents == 0 || read(signals, &info, sizeof info) != sizeof info) continue;
    if (info.ssi_signo == SIGHUP) {
      reload();
      continue;
    }
    if (++seen > 1) _exit(128 + static_cast<int>(info.ssi_signo));
    stop(static_cast<int>(info.ssi_signo));
  }
}

}  // namespace

StopOnSignal::StopOnSignal(std::function<void(int)> stop, std::function<void()> reload)
    : wake_(eventfd(0, EFD_CLOEXEC)) {
  const sigset_t set = Signals(reload != nullptr);
  VEILSUM_CHECK(wake_ >= 0 && pthread_sigmask(SIG_BLOCK, &set, &before_) == 0);
  const int signals = signalfd(-1, &set, SFD_CLOEXEC);
  VEILSUM_CHECK(signals >= 0);
  thread_ =
      std::thread([signals, wake = wake_, stop = std::move(stop), reload = std::move(reload)] {
        WaitForSignals(signals, wake, stop, reload);
        close(signals);
      });
}

StopOnSignal::~StopOnSignal() {
  const std::uint64_t one = 1;
  VEILSUM_CHECK(write(wake_, &one, sizeof one) == sizeof one);
  thread_.join();
  close(wake_);
  VEILSUM_CHECK(pthread_sigmask(SIG_SETMASK, &before_, nullptr) == 0);
}

}  // namespace veilsum
