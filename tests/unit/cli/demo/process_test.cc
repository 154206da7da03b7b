// Child processes: started, told to end, killed, started again, and never left behind.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <thread>

#include "base/file.h"
#include "cli/demo/process/child.h"
#include "cli/demo/process/peak_memory.h"
#include "cli/demo/process/supervisor.h"
#include "cli/demo/process/wait_for_file.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_folder.h"

namespace veilsum::cli {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class ProcessTest : public testing::Test {
 protected:
  ProcessTest() { std::filesystem::create_directories(folder_); }

  Command Shell(const std::string& script, const std::string& name = "child") const {
    return {
        .name = name, .arguments = {"/bin/sh", "-c", script}, .log = folder_ / "log", .output = {}};
  }
  std::string Log() const { return ReadFile(folder_ / "log").value_or(""); }
  // The file's contents once some process has written it whole.
  std::string Await(const std::string& name) const {
    return WaitForFile(folder_ / name, seconds(20), -1).value_or("nothing came");
  }
  TempFolder of_test_;
  const std::filesystem::path folder_ = of_test_.path() / "with a space";
};

// Whether a process exists that is not a zombie.
bool Alive(pid_t pid) {
  std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
  std::string pid_text, name, state;
  return static_cast<bool>(stat >> pid_text >> name >> state) && state != "Z";
}

using ChildTest = ProcessTest;

TEST_F(ChildTest, WritesItsOutputToTheLogAndTellsItsExitCode) {
  ASSERT_OK_AND_ASSIGN(Child child, Child::Spawn(Shell("echo out; echo err >&2; exit 3")));
  const std::optional<Ending> ending = child.WaitFor(seconds(20));
  ASSERT_TRUE(ending);
  EXPECT_EQ(ending->exit_code, 3);
  EXPECT_EQ(ending->Text(), "exit code 3");
  EXPECT_EQ(Log(), "out\nerr\n");
}

TEST_F(ChildTest, KeepsStandardOutputApartWhenAsked) {
  Command command = Shell("echo answer; echo noise >&2");
  command.output = folder_ / "answer";
  ASSERT_OK_AND_ASSIGN(Child child, Child::Spawn(command));
  ASSERT_TRUE(child.WaitFor(seconds(20)));
  EXPECT_EQ(ReadFile(folder_ / "answer").value_or(""), "answer\n");
  EXPECT_EQ(Log(), "noise\n");
}

TEST_F(ChildTest, AProgramThatIsNotThereIsAnError) {
  EXPECT_THAT(Child::Spawn(
                  {.name = "ghost", .arguments = {"/nonexistent/program"}, .log = folder_ / "log"}),
              StatusIs(absl::StatusCode::kNotFound, "/nonexistent/program"));
}

TEST_F(ChildTest, StopsPolitelyFirst) {
  ASSERT_OK_AND_ASSIGN(Child child, Child::Spawn(Shell("trap 'exit 5' TERM; echo ready > '" +
                                                       (folder_ / "r").string() +
                                                       "'; while :; do sleep 0.05; done")));
  Await("r");
  EXPECT_EQ(child.Stop(seconds(20)).exit_code, 5);
}

TEST_F(ChildTest, KillsWhatDoesNotListen) {
  ASSERT_OK_AND_ASSIGN(
      Child child, Child::Spawn(Shell("trap '' TERM; echo ready > '" + (folder_ / "r").string() +
                                      "'; while :; do sleep 0.05; done")));
  Await("r");
  EXPECT_EQ(child.Stop(milliseconds(100)).signal, SIGKILL);
}

TEST_F(ChildTest, TakesGrandchildrenAlong) {
  const std::string file = (folder_ / "pid").string();
  ASSERT_OK_AND_ASSIGN(Child child,
                       Child::Spawn(Shell("sleep 300 & echo $! > '" + file + ".tmp'; mv '" + file +
                                          ".tmp' '" + file + "'; wait")));
  const pid_t grandchild = std::stoi(Await("pid"));
  child.Stop(seconds(20));
  for (int i = 0; i < 200 && Alive(grandchild); ++i) std::this_thread::sleep_for(milliseconds(10));
  EXPECT_FALSE(Alive(grandchild));
}

TEST_F(ChildTest, DiesWithItsParent) {
  const std::string file = (folder_ / "pid").string();
  const pid_t parent = fork();
  if (parent == 0) {
    // The shell itself becomes the long sleep, so that its own death signal is what is tested.
    auto child = Child::Spawn(Shell("echo $$ > '" + file + ".tmp'; mv '" + file + ".tmp' '" + file +
                                    "'; exec sleep 300"));
    pause();
    _exit(child.ok() ? 0 : 1);
  }
  const pid_t child = std::stoi(Await("pid"));
  kill(parent, SIGKILL);
  waitpid(parent, nullptr, 0);
  for (int i = 0; i < 200 && Alive(child); ++i) std::this_thread::sleep_for(milliseconds(10));
  EXPECT_FALSE(Alive(child));
}

// Collects events and lets a test wait for the next one.
class Events {
 public:
  Supervisor::Listener Listener() {
    return [this](const ProcessEvent& event) {
      const std::lock_guard lock(mutex_);
      events_.push_back(event);
      wake_.notify_all();
    };
  }
  bool WaitForCount(std::size_t count) {
    std::unique_lock lock(mutex_);
    return wake_.wait_for(lock, seconds(20), [&] { return events_.size() >= count; });
  }
  ProcessEvent at(std::size_t i) {
    const std::lock_guard lock(mutex_);
    return events_.at(i);
  }

 private:
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<ProcessEvent> events_;
};

using SupervisorTest = ProcessTest;

TEST_F(SupervisorTest, StartsAKilledProcessAgain) {
  Events events;
  Supervisor supervisor(events.Listener());
  ASSERT_OK_AND_ASSIGN(const pid_t first,
                       supervisor.Start({Shell("exec sleep 300"), /*restarts=*/1, false}));
  kill(first, SIGKILL);
  ASSERT_TRUE(events.WaitForCount(1));
  EXPECT_EQ(events.at(0).kind, ProcessEvent::Kind::kRestarted);
  EXPECT_EQ(events.at(0).ending.signal, SIGKILL);
  const pid_t second = supervisor.PidOf("child");
  EXPECT_GT(second, 0);
  EXPECT_NE(second, first);
  supervisor.Stop(seconds(20));
  EXPECT_FALSE(Alive(second));
}

TEST_F(SupervisorTest, GivesUpAfterItsRestarts) {
  Events events;
  Supervisor supervisor(events.Listener());
  ASSERT_OK(supervisor.Start({Shell("exit 7"), /*restarts=*/2, false}));
  ASSERT_TRUE(events.WaitForCount(3));
  EXPECT_EQ(events.at(0).kind, ProcessEvent::Kind::kRestarted);
  EXPECT_EQ(events.at(1).kind, ProcessEvent::Kind::kRestarted);
  EXPECT_EQ(events.at(2).kind, ProcessEvent::Kind::kGaveUp);
  EXPECT_NE(events.at(2).message.find("exit code 7"), std::string::npos);
  EXPECT_EQ(supervisor.PidOf("child"), -1);
}

TEST_F(SupervisorTest, AFinishedProcessIsLeftAlone) {
  Events events;
  Supervisor supervisor(events.Listener());
  ASSERT_OK(supervisor.Start({Shell("exit 0"), /*restarts=*/5, /*finish_is_normal=*/true}));
  ASSERT_TRUE(events.WaitForCount(1));
  EXPECT_EQ(events.at(0).kind, ProcessEvent::Kind::kFinished);
}

TEST_F(SupervisorTest, StopsAllWithinOnePatience) {
  Supervisor supervisor(nullptr);
  std::vector<pid_t> pids;
  for (int i = 0; i < 5; ++i) {
    const std::string ready = (folder_ / ("r" + std::to_string(i))).string();
    ASSERT_OK_AND_ASSIGN(const pid_t pid,
                         supervisor.Start({Shell("trap '' TERM; echo x > '" + ready +
                                                     "'; while :; do sleep 0.05; done",
                                                 "child " + std::to_string(i)),
                                           3, false}));
    Await("r" + std::to_string(i));
    pids.push_back(pid);
  }
  const auto start = std::chrono::steady_clock::now();
  supervisor.Stop(milliseconds(300));
  EXPECT_LT(std::chrono::steady_clock::now() - start, seconds(5));
  for (const pid_t pid : pids) EXPECT_FALSE(Alive(pid));
  EXPECT_THAT(supervisor.Start({Shell("exit 0"), 0, true}),
              StatusIs(absl::StatusCode::kFailedPrecondition, "stopped"));
}

TEST_F(SupervisorTest, LeavesNothingBehindWhenItGoes) {
  pid_t pid = -1;
  {
    Supervisor supervisor(nullptr);
    ASSERT_OK_AND_ASSIGN(pid, supervisor.Start({Shell("exec sleep 300"), 3, false}));
    EXPECT_TRUE(Alive(pid));
  }
  EXPECT_FALSE(Alive(pid));
}

using WaitForFileTest = ProcessTest;

TEST_F(WaitForFileTest, ReturnsWhatAppears) {
  std::thread writer([this] { (void)WriteFile(folder_ / "address", "127.0.0.1:4242\n"); });
  EXPECT_EQ(WaitForFile(folder_ / "address", seconds(20), -1).value_or(""), "127.0.0.1:4242\n");
  writer.join();
}

TEST_F(WaitForFileTest, GivesUpInTime) {
  EXPECT_THAT(WaitForFile(folder_ / "never", milliseconds(30), -1),
              StatusIs(absl::StatusCode::kDeadlineExceeded, "never"));
}

TEST_F(WaitForFileTest, CanBeCancelled) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  ASSERT_EQ(write(ends[1], "x", 1), 1);
  EXPECT_THAT(WaitForFile(folder_ / "never", seconds(20), ends[0]),
              StatusIs(absl::StatusCode::kCancelled, "stopped"));
  close(ends[0]);
  close(ends[1]);
}

TEST(PeakMemory, KnowsOurOwn) {
  EXPECT_GT(PeakMemoryOf(getpid()).value_or(0), 100u << 10);
  EXPECT_FALSE(PeakMemoryOf(0x7ffffff0));
}

}  // namespace
}  // namespace veilsum::cli
