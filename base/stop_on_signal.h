// SIGTERM and SIGINT, and SIGHUP if asked for, as calls on a thread of its own, where locks may be
// taken.
#pragma once

#include <csignal>
#include <functional>
#include <thread>

namespace veilsum {

// Blocks these signals for the calling thread and for those it starts later, until it is
// destroyed: make it before any other thread. One at a time in a process. The first signal calls
// `stop` with its number; a second one ends the process at once.
class StopOnSignal {
 public:
  // `reload`: called for each SIGHUP; empty: SIGHUP is left as it is.
  explicit StopOnSignal(std::function<void(int signal)> stop,
                        std::function<void()> reload = nullptr);
  ~StopOnSignal();
  StopOnSignal(const StopOnSignal&) = delete;
  StopOnSignal& operator=(const StopOnSignal&) = delete;

 private:
  sigset_t before_;  // the mask of the calling thread
  int wake_ = -1;    // eventfd: the destructor's word to the thread
  std::thread thread_;
};

}  // namespace veilsum
