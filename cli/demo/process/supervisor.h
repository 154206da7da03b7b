// Keeps a set of child processes alive for the length of a demo: a process that ends unexpectedly
// is started again, a bounded number of times, and all are stopped together. One background thread
// owns the children (PR_SET_PDEATHSIG follows the thread that forked), so every public function may
// be called from any thread.
#pragma once

#include <functional>
#include <memory>

#include "cli/demo/process/child.h"

namespace veilsum::cli {

// What may happen to a process, told to the listener from the supervisor's thread.
struct ProcessEvent {
  enum class Kind { kRestarted, kFinished, kGaveUp } kind;
  std::string name;
  Ending ending;
  std::string message;  // one line for a person
};

struct Supervised {
  Command command;
  int restarts = 0;               // how often an unexpected end is answered by a new start
  bool finish_is_normal = false;  // exit code 0 is its normal end, and no reason for a restart
};

class Supervisor {
 public:
  using Listener = std::function<void(const ProcessEvent& event)>;
  explicit Supervisor(Listener listener);
  ~Supervisor();  // Stop() with no patience for what has not been stopped

  // The pid of the started process. Errors of Child::Spawn.
  absl::StatusOr<pid_t> Start(const Supervised& process);
  // The pid now, -1 when it does not run.
  pid_t PidOf(const std::string& name) const;
  // SIGTERM to all at once, SIGKILL after `patience` to those that are left. No restarts from here
  // on. Idempotent.
  void Stop(std::chrono::milliseconds patience);

 private:
  class Loop;
  std::unique_ptr<Loop> loop_;
};

}  // namespace veilsum::cli
