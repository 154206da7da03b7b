#include "cli/demo/process/supervisor.h"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <future>
#include <list>
#include <mutex>
#include <thread>

namespace veilsum::cli {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

struct Slot {
  Supervised process;
  Child child;
  int restarts_left;
  bool running = true;
};

}  // namespace

// The thread waits for: a pidfd (a child ended), or the eventfd (a task was posted).
class Supervisor::Loop {
 public:
  explicit Loop(Listener listener)
      : listener_(std::move(listener)), wake_(eventfd(0, EFD_CLOEXEC)) {
    thread_ = std::thread([this] { Run(); });
  }
  ~Loop() {
    Post([this] {
      StopAll(milliseconds(0));
      quit_ = true;
    });
    thread_.join();
    close(wake_);
  }

  absl::StatusOr<pid_t> Start(const Supervised& process) {
    std::promise<absl::StatusOr<pid_t>> result;
    Post([&] { result.set_value(StartHere(process)); });
    return result.get_future().get();
  }

  pid_t PidOf(const std::string& name) {
    std::promise<pid_t> result;
    Post([&] {
      const auto slot =
          std::ranges::find(slots_, name, [](const Slot& s) { return s.process.command.name; });
      result.set_value(slot != slots_.end() && slot->running ? slot->child.pid() : -1);
    });
    return result.get_future().get();
  }

  void Stop(milliseconds patience) {
    std::promise<void> done;
    Post([&] {
      StopAll(patience);
      done.set_value();
    });
    done.get_future().get();
  }

 private:
  void Post(std::function<void()> task) {
    {
      const std::lock_guard lock(mutex_);
      tasks_.push_back(std::move(task));
    }
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = write(wake_, &one, sizeof one);
  }

  void Run() {
    sigset_t all;  // signals belong to the demo's own thread
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, nullptr);
    while (!quit_) {
      Wait();
      RunTasks();
      for (Slot& slot : slots_) Look(slot);
    }
  }

  void Wait() {
    std::vector<pollfd> fds = {{.fd = wake_, .events = POLLIN, .revents = 0}};
    for (const Slot& slot : slots_)
      if (slot.running) fds.push_back({.fd = slot.child.pidfd(), .events = POLLIN, .revents = 0});
    poll(fds.data(), fds.size(), -1);
    std::uint64_t count;
    if (fds[0].revents != 0) [[maybe_unused]]
      const auto got = read(wake_, &count, sizeof count);
  }

  void RunTasks() {
    std::list<std::function<void()>> tasks;
    {
      const std::lock_guard lock(mutex_);
      tasks.swap(tasks_);
    }
    for (const auto& task : tasks) task();
  }

  absl::StatusOr<pid_t> StartHere(const Supervised& process) {
    if (stopping_)
      return FailedPrecondition("%s: processes are being stopped", process.command.name);
    VEILSUM_ASSIGN_OR_RETURN(Child child, Child::Spawn(process.command));
    const pid_t pid = child.pid();
    slots_.push_back({process, std::move(child), process.restarts});
    return pid;
  }

  void Look(Slot& slot) {
    if (!slot.running) return;
    const std::optional<Ending> ending = slot.child.Poll();
    if (!ending) return;
    slot.running = false;
    if (stopping_) return;
    const std::string& name = slot.process.command.name;
    if (slot.process.finish_is_normal && ending->clean())
      return Tell(ProcessEvent::Kind::kFinished, name, *ending,
                  absl::StrFormat("%s finished", name));
    if (slot.restarts_left > 0) Restart(slot, *ending);
    if (slot.running) return;
    Tell(ProcessEvent::Kind::kGaveUp, name, *ending,
         absl::StrFormat("%s ended with %s; its log is %s", name, ending->Text(),
                         slot.process.command.log.string()));
  }

  void Restart(Slot& slot, const Ending& ending) {
    absl::StatusOr<Child> again = Child::Spawn(slot.process.command);
    if (!again.ok()) return;
    --slot.restarts_left;
    slot.child = *std::move(again);
    slot.running = true;
    const std::string& name = slot.process.command.name;
    Tell(ProcessEvent::Kind::kRestarted, name, ending,
         absl::StrFormat("%s ended with %s and was started again", name, ending.Text()));
  }

  void Tell(ProcessEvent::Kind kind, const std::string& name, const Ending& ending,
            std::string message) {
    if (listener_) listener_({kind, name, ending, std::move(message)});
  }

  void StopAll(milliseconds patience) {
    stopping_ = true;
    const auto deadline = steady_clock::now() + patience;
    if (patience.count() > 0)
      for (Slot& slot : slots_) slot.child.Signal(SIGTERM);
    for (Slot& slot : slots_) {
      slot.child.WaitFor(std::max(milliseconds(0),
                                  std::chrono::ceil<milliseconds>(deadline - steady_clock::now())));
      slot.child.Stop(milliseconds(0));
      slot.running = false;
    }
  }

  Listener listener_;
  int wake_;
  std::mutex mutex_;
  std::list<std::function<void()>> tasks_;  // guarded by mutex_
  std::list<Slot> slots_;                   // the thread's own, as is all below
  bool stopping_ = false;
  bool quit_ = false;
  std::thread thread_;
};

Supervisor::Supervisor(Listener listener) : loop_(std::make_unique<Loop>(std::move(listener))) {}
Supervisor::~Supervisor() = default;
absl::StatusOr<pid_t> Supervisor::Start(const Supervised& process) { return loop_->Start(process); }
pid_t Supervisor::PidOf(const std::string& name) const { return loop_->PidOf(name); }
void Supervisor::Stop(milliseconds patience) { loop_->Stop(patience); }

}  // namespace veilsum::cli
