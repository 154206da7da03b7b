// kill -9 at every sync, before and after every rename, and on both sides of every word with the
// ledger, in each command of a rollout by hand: the folder can be read at once, and the same
// command once more leaves what an undisturbed one does. The ledger tells each transition once.
#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "base/file.h"
#include "cli/rollout/rollout_desk.h"
#include "cli/rollout/rollout_status.h"
#include "tests/support/temp_folder.h"
#include "tests/unit/model/release/sample.h"

namespace {

long fatal_point = 0;  // 0: none
long points_so_far = 0;

void Point() {
  if (++points_so_far == fatal_point) raise(SIGKILL);
}

}  // namespace

// In place of the C library's, for all of this program.
extern "C" int fsync(int file) {
  Point();
  return static_cast<int>(syscall(SYS_fsync, file));
}
extern "C" int rename(const char* from, const char* to) noexcept {
  Point();
  const auto result = static_cast<int>(syscall(SYS_renameat, AT_FDCWD, from, AT_FDCWD, to));
  Point();
  return result;
}

namespace veilsum::cli {
namespace {

namespace fs = std::filesystem;
using rollout::Seconds;

const char* const kAnn = "spiffe://fed.test/operator/ann";
const char* const kBob = "spiffe://fed.test/operator/bob";

std::vector<std::string> Clients() {
  std::vector<std::string> out;
  for (const char* tenant : {"acme", "bolt", "cara"})
    out.push_back(absl::StrFormat("spiffe://fed.test/tenant/%s/client/a", tenant));
  return out;
}

// A coordinator's: files, so that a crash leaves them as they are, and nothing is written twice.
class Lines {
 public:
  explicit Lines(fs::path file) : file_(std::move(file)) {}
  std::vector<std::string> Read() const {
    std::ifstream in(file_);
    std::vector<std::string> out;
    for (std::string line; std::getline(in, line);) out.push_back(line);
    return out;
  }
  // Whether it was there.
  bool Add(const std::string& line, bool only_last) const {
    const std::vector<std::string> all = Read();
    const auto begin = only_last && !all.empty() ? all.end() - 1 : all.begin();
    if (std::find(begin, all.end(), line) != all.end()) return true;
    std::ofstream(file_, std::ios::app) << line << std::endl;
    return false;
  }

 private:
  const fs::path file_;
};

class World {
 public:
  explicit World(fs::path place) : place_(std::move(place)) {}
  fs::path folder() const { return place_ / "rollouts"; }
  const fs::path& place() const { return place_; }
  Lines told() const { return Lines(place_ / "told"); }

  absl::Status Do(const char* who, const std::function<absl::Status(RolloutDesk&)>& action) const {
    VEILSUM_ASSIGN_OR_RETURN(const auto desk,
                             RolloutDesk::Open(folder(), place_ / "keys", who, Ledger(who)));
    return action(*desk);
  }
  // Everything that an undisturbed command would leave, as text.
  std::string Picture() const {
    const auto status = RolloutStatus(folder());
    if (!status.ok()) return std::string(status.status().message());
    std::string out = (*status)["stage"].get<std::string>() + "; untold " +
                      (*status)["untold"].dump() + "; approved " + (*status)["approved"].dump();
    for (const auto& client : (*status)["clients"])
      out += "\n" + client["to_have"].get<std::string>() + " " + client["channel"].dump();
    for (const std::string& line : told().Read()) out += "\n" + line;
    return out;
  }

 private:
  RolloutLedger Ledger(const std::string& who) const {
    RolloutLedger out;
    out.publish = [this](const release::Release& release) {
      Point();
      told().Add("published " + release.manifest.version, false);
      Point();
      return absl::OkStatus();
    };
    // As the coordinator's: the last word on a rollout is not written again.
    out.record = [this](const coordinator::RolloutSpec& spec,
                        const coordinator::Transition& transition) {
      Point();
      told().Add(absl::StrFormat("%s %s %d", spec.rollout_id, StageName(transition.to),
                                 transition.percent),
                 true);
      Point();
      return absl::OkStatus();
    };
    out.approve = [this, who](
                      const std::string& digest,
                      const std::string& rollout) -> absl::StatusOr<std::vector<std::string>> {
      Point();
      const Lines approvals(place_ / ("approvals-" + (rollout.empty() ? digest : rollout)));
      approvals.Add(who, false);
      Point();
      return approvals.Read();
    };
    return out;
  }
  const fs::path place_;
};

release::Files FilesOf(std::uint64_t counter) {
  static std::map<std::uint64_t, release::Files> all;
  if (!all.contains(counter)) all[counter] = release::SampleFiles(counter);
  return all[counter];
}

absl::Status StartIt(RolloutDesk& desk, std::uint64_t release) {
  StartRequest request;
  request.clients = Clients();
  request.shadow = 0;
  request.steps = {{99, 0}};
  return desk.Start(FilesOf(release), request);
}
absl::Status LookAtIt(RolloutDesk& desk) { return desk.Look(std::chrono::seconds(0)); }

struct Command {
  const char* name;
  std::function<absl::Status(const World&)> before, crashed;
};

class RolloutCrash : public testing::Test {
 protected:
  void Everybody(const World& world, std::uint64_t release) {
    for (const std::string& client : Clients()) {
      coordinator::ClientReport report;
      report.client = client;
      report.result = "installed";
      report.digest = report.wanted = HexEncode(release::RootDigest(FilesOf(release)));
      ASSERT_OK(SaveReport(world.folder(), report));
    }
  }
  // A folder whose first release is stable, and everybody says to have the second.
  void Make(const World& world) {
    SystemRng rng;
    auto keys = RolloutKeys::Make(world.place() / "keys", rng);
    ASSERT_OK(keys);
    const auto now = std::chrono::system_clock::now();
    ASSERT_OK(MakeRepository(world.folder(), "fed.test", release::SampleSigner().public_key().pem(),
                             **keys, std::chrono::system_clock::to_time_t(now)));
    ASSERT_OK(world.Do(kAnn, [](RolloutDesk& desk) { return StartIt(desk, 1); }));
    ASSERT_OK(world.Do(kAnn, LookAtIt));
    Everybody(world, 1);
    ASSERT_OK(world.Do(kAnn, LookAtIt));
    for (const char* who : {kAnn, kBob})
      ASSERT_OK(world.Do(who, [](RolloutDesk& desk) { return desk.Approve(); }));
    ASSERT_EQ(RolloutStatus(world.folder()).value()["stage"], "stable");
    Everybody(world, 2);
  }
  World Copy(const World& of, const std::string& name) {
    const fs::path to = temp_.path() / name;
    fs::remove_all(to);
    fs::copy(of.place(), to, fs::copy_options::recursive);
    return World(to);
  }
  // In a process that dies at a point; whether it died.
  static bool Dies(const World& world, const Command& command, long fatal) {
    const pid_t child = fork();
    if (child == 0) {
      points_so_far = 0;
      fatal_point = fatal;
      _exit(command.crashed(world).ok() ? 0 : 1);
    }
    int status = 0;
    waitpid(child, &status, 0);
    const bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    EXPECT_TRUE(killed || (WIFEXITED(status) && WEXITSTATUS(status) == 0)) << command.name;
    return killed;
  }
  void CrashEverywhere(const Command& command) {
    const World start(temp_.path() / "start");
    ASSERT_NO_FATAL_FAILURE(Make(start));
    ASSERT_OK(command.before(start));
    const World whole = Copy(start, "whole");
    ASSERT_OK(command.crashed(whole));
    // At every point nightly, at every third otherwise.
    const long step = std::getenv("VEILSUM_EVERY_CRASH") != nullptr ? 1 : 3;
    long point = 1;
    for (;; point += step) {
      const World world = Copy(start, "crashed");
      if (!Dies(world, command, point)) break;
      ASSERT_OK(RolloutStatus(world.folder())) << command.name << ", point " << point;
      ASSERT_OK(command.crashed(world)) << command.name << ", point " << point;
      ASSERT_EQ(world.Picture(), whole.Picture()) << command.name << ", point " << point;
    }
    EXPECT_GT(point, 10) << command.name << " was hardly crashed";
    RecordProperty("points", static_cast<int>(point - step));
  }

  TempFolder temp_;
};

absl::Status Nothing(const World&) { return absl::OkStatus(); }
absl::Status Begun(const World& world) {
  return world.Do(kAnn, [](RolloutDesk& desk) { return StartIt(desk, 2); });
}
absl::Status InCanary(const World& world) {
  VEILSUM_RETURN_IF_ERROR(Begun(world));
  return world.Do(kAnn, LookAtIt);
}

TEST_F(RolloutCrash, Start) { CrashEverywhere({"start", Nothing, Begun}); }

TEST_F(RolloutCrash, Look) {
  CrashEverywhere({"look", Begun, [](const World& world) { return world.Do(kAnn, LookAtIt); }});
}

TEST_F(RolloutCrash, Approve) {
  const auto approve = [](const char* who, const World& world) {
    return world.Do(who, [](RolloutDesk& desk) { return desk.Approve(); });
  };
  CrashEverywhere({"approve",
                   [&](const World& world) {
                     VEILSUM_RETURN_IF_ERROR(InCanary(world));
                     VEILSUM_RETURN_IF_ERROR(world.Do(kAnn, LookAtIt));
                     return approve(kAnn, world);
                   },
                   [&](const World& world) { return approve(kBob, world); }});
}

TEST_F(RolloutCrash, RollBack) {
  CrashEverywhere({"rollback", InCanary, [](const World& world) {
                     return world.Do(kAnn, [](RolloutDesk& desk) { return desk.RollBack(); });
                   }});
}

TEST_F(RolloutCrash, Pause) {
  CrashEverywhere({"pause", InCanary, [](const World& world) {
                     return world.Do(kAnn, [](RolloutDesk& desk) { return desk.Pause(); });
                   }});
}

TEST_F(RolloutCrash, Resume) {
  CrashEverywhere({"resume",
                   [](const World& world) {
                     VEILSUM_RETURN_IF_ERROR(InCanary(world));
                     return world.Do(kAnn, [](RolloutDesk& desk) { return desk.Pause(); });
                   },
                   [](const World& world) {
                     return world.Do(kAnn, [](RolloutDesk& desk) { return desk.Resume(); });
                   }});
}

TEST_F(RolloutCrash, Revoke) {
  const auto revoke = [](const char* who, const World& world) {
    return world.Do(who, [](RolloutDesk& desk) { return desk.Revoke("bad"); });
  };
  CrashEverywhere({"revoke",
                   [&](const World& world) {
                     VEILSUM_RETURN_IF_ERROR(InCanary(world));
                     return revoke(kAnn, world);
                   },
                   [&](const World& world) { return revoke(kBob, world); }});
}

}  // namespace
}  // namespace veilsum::cli
