// SIGINT and SIGTERM as an event. Made first thing in main's thread, so that every later thread
// inherits the blocked signals; a thread waits for them with signalfd(2) and makes `fd` readable,
// for poll, and calls the listener once. A second signal ends the program at once (exit 130):
// children go with it by PR_SET_PDEATHSIG.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "base/status.h"

namespace veilsum::cli {

class StopSignal {
 public:
  StopSignal();
  ~StopSignal();  // restores the signal mask
  StopSignal(const StopSignal&) = delete;
  StopSignal& operator=(const StopSignal&) = delete;

  // Makes the event happen for another reason; only the first reason counts. From any thread.
  void Raise(std::string reason, bool is_failure);
  // Called once, from the thread that raised; at once when it has happened already. Empty: none.
  void SetListener(std::function<void()> listener);

  bool raised() const { return raised_; }
  bool is_failure() const;           // raised for a failure, not by a person
  std::string reason() const;        // empty until raised
  int fd() const { return event_; }  // readable once raised

 private:
  void Wait();
  int signals_, event_, quit_;
  std::atomic<bool> raised_ = false;
  mutable std::mutex mutex_;
  std::string reason_;  // guarded by mutex_, as are the next two
  bool is_failure_ = false;
  std::function<void()> listener_;
  std::thread thread_;
};

}  // namespace veilsum::cli
