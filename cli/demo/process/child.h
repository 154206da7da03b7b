// One child process: started with its output in a log file, ended with its process group, never
// left behind. The child asks the kernel for SIGKILL when its parent dies (prctl(2),
// PR_SET_PDEATHSIG); the pidfd (pidfd_open(2)) makes its end an event that poll(2) waits for, so
// nothing here sleeps or races with a reused process id.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"

namespace veilsum::cli {

struct Command {
  std::string name;                    // for messages: "coordinator", "client region_1"
  std::vector<std::string> arguments;  // [0] is the program's path
  std::filesystem::path
      log;  // stderr is appended to it, and stdout unless it has a file of its own
  std::filesystem::path output = {};  // stdout, written anew
};

// How a process ended: an exit code, or the signal that killed it.
struct Ending {
  int exit_code = 0;
  int signal = 0;  // 0: it exited
  bool clean() const { return signal == 0 && exit_code == 0; }
  std::string Text() const;  // "exit code 2", "signal 9 (Killed)"
};

// Not for use by two threads at once. The thread that spawned it must outlive it: PR_SET_PDEATHSIG
// follows the thread.
class Child {
 public:
  // Starts `command` in a process group of its own. NotFound: no such program; Internal: the system
  // refused.
  static absl::StatusOr<Child> Spawn(const Command& command);
  Child(Child&& other) noexcept;
  Child& operator=(Child&& other) noexcept;
  ~Child();  // kills what still runs, and reaps it

  pid_t pid() const { return pid_; }
  int pidfd() const { return pidfd_; }  // readable when the process has ended; -1 once reaped
  // The ending, if it has ended; does not wait.
  std::optional<Ending> Poll();
  // Waits up to `patience` for the end.
  std::optional<Ending> WaitFor(std::chrono::milliseconds patience);
  // SIGTERM to the group, SIGKILL after `patience`; returns how it ended. Idempotent.
  Ending Stop(std::chrono::milliseconds patience);
  void Signal(int signal);  // to the whole group

 private:
  Child(pid_t pid, int pidfd) : pid_(pid), pidfd_(pidfd) {}
  void Forget();
  pid_t pid_ = -1;
  int pidfd_ = -1;
  std::optional<Ending> ending_;
};

}  // namespace veilsum::cli
