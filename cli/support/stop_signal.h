// SIGINT and SIGTERM, or a reason of our own, as one event: `fd` becomes readable, for poll, and
// the listener is called once. Made first thing in main's thread (base/stop_on_signal.h). A second
// signal ends the program at once; children go with it by PR_SET_PDEATHSIG.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <optional>
#include <string>

#include "base/status.h"
#include "base/stop_on_signal.h"

namespace veilsum::cli {

class StopSignal {
 public:
  StopSignal();
  ~StopSignal();
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
  const int event_;
  std::atomic<bool> raised_ = false;
  mutable std::mutex mutex_;
  std::string reason_;  // guarded by mutex_, as are the next two
  bool is_failure_ = false;
  std::function<void()> listener_;
  std::optional<StopOnSignal> signals_;
};

}  // namespace veilsum::cli
