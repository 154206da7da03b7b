#include "cli/demo/process/child.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace veilsum::cli {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

Ending EndingOf(const siginfo_t& info) {
  if (info.si_code == CLD_EXITED) return {.exit_code = info.si_status, .signal = 0};
  return {.exit_code = 0, .signal = info.si_status};
}

// Runs between fork and exec: only async-signal-safe calls. Reports errno of the first failure to
// `report`.
[[noreturn]] void BecomeProgram(char* const* arguments, int output, int log, int report,
                                pid_t parent) {
  const int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
  sigset_t none;
  sigemptyset(&none);
  const bool ready = setpgid(0, 0) == 0 && prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && null >= 0 &&
                     dup2(null, STDIN_FILENO) >= 0 && dup2(output, STDOUT_FILENO) >= 0 &&
                     dup2(log, STDERR_FILENO) >= 0 && sigprocmask(SIG_SETMASK, &none, nullptr) == 0;
  for (const int reset : {SIGINT, SIGTERM, SIGPIPE}) signal(reset, SIG_DFL);
  if (getppid() != parent) _exit(127);  // the parent died before prctl took effect
  if (ready) execv(arguments[0], arguments);
  const int error = errno;
  [[maybe_unused]] const auto written = write(report, &error, sizeof error);
  _exit(127);
}

std::vector<char*> Pointers(std::vector<std::string>& arguments) {
  std::vector<char*> pointers;
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  return pointers;
}

// A file descriptor that closes itself.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor() {
    if (valid()) close(fd_);
  }
  bool valid() const { return fd_ >= 0; }
  int get() const { return fd_; }

 private:
  int fd_ = -1;
};

absl::StatusOr<Descriptor> OpenFor(const Command& command, const std::filesystem::path& file,
                                   int how) {
  Descriptor fd(open(file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | how, 0644));
  if (!fd.valid())
    return Internal("%s: cannot open %s: %s", command.name, file.string(), strerror(errno));
  return fd;
}

// 0 when exec succeeded (the pipe closed without a word), else its errno.
int ReadExecError(int report) {
  int error = 0;
  ssize_t got;
  do got = read(report, &error, sizeof error);
  while (got < 0 && errno == EINTR);
  return got == sizeof error ? error : 0;
}

}  // namespace

std::string Ending::Text() const {
  if (signal == 0) return absl::StrFormat("exit code %d", exit_code);
  return absl::StrFormat("signal %d (%s)", signal, strsignal(signal));
}

absl::StatusOr<Child> Child::Spawn(const Command& command) {
  if (command.arguments.empty()) return Internal("%s: no program to start", command.name);
  std::vector<std::string> arguments = command.arguments;
  const std::vector<char*> pointers = Pointers(arguments);
  VEILSUM_ASSIGN_OR_RETURN(const Descriptor log, OpenFor(command, command.log, O_APPEND));
  Descriptor output;
  if (!command.output.empty()) {
    VEILSUM_ASSIGN_OR_RETURN(output, OpenFor(command, command.output, O_TRUNC));
  }
  int report[2];
  if (pipe2(report, O_CLOEXEC) != 0)
    return Internal("%s: cannot make a pipe: %s", command.name, strerror(errno));
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid == 0)
    BecomeProgram(pointers.data(), output.valid() ? output.get() : log.get(), log.get(), report[1],
                  parent);
  const int fork_error = errno;
  close(report[1]);
  if (pid < 0) {
    close(report[0]);
    return Internal("%s: cannot fork: %s", command.name, strerror(fork_error));
  }
  const int error = ReadExecError(report[0]);
  close(report[0]);
  const int pidfd = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  if (error == 0 && pidfd >= 0) return Child(pid, pidfd);
  kill(pid, SIGKILL);
  waitpid(pid, nullptr, 0);
  if (pidfd >= 0) close(pidfd);
  if (error == 0)
    return Internal("%s: the kernel has no pidfd_open (Linux 5.3 or later is needed)",
                    command.name);
  return NotFound("%s: cannot start %s: %s", command.name, command.arguments[0], strerror(error));
}

Child::Child(Child&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      pidfd_(std::exchange(other.pidfd_, -1)),
      ending_(other.ending_) {}

Child& Child::operator=(Child&& other) noexcept {
  if (this == &other) return *this;
  if (pidfd_ >= 0) Stop(milliseconds(0));
  pid_ = std::exchange(other.pid_, -1);
  pidfd_ = std::exchange(other.pidfd_, -1);
  ending_ = other.ending_;
  return *this;
}

Child::~Child() {
  if (pidfd_ >= 0) Stop(milliseconds(0));
}

void Child::Forget() { close(std::exchange(pidfd_, -1)); }

std::optional<Ending> Child::Poll() { return WaitFor(milliseconds(0)); }

std::optional<Ending> Child::WaitFor(milliseconds patience) {
  if (ending_ || pidfd_ < 0) return ending_;
  const auto deadline = steady_clock::now() + patience;
  pollfd wait{.fd = pidfd_, .events = POLLIN, .revents = 0};
  while (true) {
    const auto left =
        std::max(milliseconds(0), std::chrono::ceil<milliseconds>(deadline - steady_clock::now()));
    const int ready = poll(&wait, 1, static_cast<int>(left.count()));
    if (ready > 0) break;
    if (ready == 0 || errno != EINTR) return std::nullopt;
  }
  siginfo_t info{};
  const auto id = static_cast<id_t>(pid_);
  if (waitid(P_PID, id, &info, WEXITED | WNOWAIT) != 0) return std::nullopt;
  kill(-pid_, SIGKILL);  // whatever it started goes with it; not reaped yet, so the group's number
                         // is still its own
  waitid(P_PID, id, &info, WEXITED);
  ending_ = EndingOf(info);
  Forget();
  return ending_;
}

void Child::Signal(int signal) {
  if (!ending_ && pidfd_ >= 0) kill(-pid_, signal);
}

Ending Child::Stop(milliseconds patience) {
  if (patience.count() > 0 && !Poll()) {
    Signal(SIGTERM);
    WaitFor(patience);
  }
  while (!ending_ && pidfd_ >= 0) {
    Signal(SIGKILL);
    WaitFor(std::chrono::seconds(1));
  }
  return ending_.value_or(Ending{});
}

}  // namespace veilsum::cli
