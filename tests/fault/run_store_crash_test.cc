// kill -9 at every write and every sync of a scripted run: what is found afterwards is always a
// state that was promised, and no round has been released that is not charged (SE-07, SE-09).
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "coordinator/store/run_store.h"
#include "tests/fault/killing_vfs.h"
#include "tests/support/status_matchers.h"
#include "tests/support/test_pki.h"

namespace veilsum::coordinator {
namespace {

const MemberList kV = {"a", "b", "c"};
const MemberList kU = {"a", "b"};

ModelRecord ModelOf(std::uint64_t step) {
  ModelRecord model;
  model.hash.fill(static_cast<std::uint8_t>(step));
  model.step = step;
  model.bytes.assign(
      20'000, static_cast<std::uint8_t>(step));  // several pages: a commit is more than one write
  return model;
}

// What a child that lives reports: an operation is acknowledged only after it returned OK.
enum Acknowledged : char {
  kCreated = 'c',
  kOpened = 'o',
  kFroze = 'f',
  kCommitted = 'm',
  kAborted = 'x'
};

// Two blocks of two rounds: commit, commit; commit, abort. Stops at the first error.
absl::Status Script(RunStore& store, int report) {
  const auto acknowledge = [&](char what) {
    return write(report, &what, 1) == 1 ? absl::OkStatus() : Internal("pipe");
  };
  VEILSUM_RETURN_IF_ERROR(
      store.CreateRun({"r", "{}", "{}", 1, "training", ""}, ModelOf(0), Bytes{0}));
  VEILSUM_RETURN_IF_ERROR(acknowledge(kCreated));
  for (std::uint64_t r = 1; r <= 4; ++r) {
    if (r % 2 == 1) {
      const Block block{r, r + 1, Bytes(16, 1), static_cast<std::uint32_t>(r), 0, Bytes(32, 2), kV};
      VEILSUM_RETURN_IF_ERROR(store.OpenBlock("r", block));
      VEILSUM_RETURN_IF_ERROR(acknowledge(kOpened));
    }
    VEILSUM_RETURN_IF_ERROR(store.Freeze("r", r, kU));
    VEILSUM_RETURN_IF_ERROR(acknowledge(kFroze));
    if (r == 4) {
      VEILSUM_RETURN_IF_ERROR(store.Abort("r", r, "too few"));
      return acknowledge(kAborted);
    }
    VEILSUM_RETURN_IF_ERROR(store.Commit(
        "r", {r, kU, r, Hash32{}, ModelOf(r), Bytes{static_cast<std::uint8_t>(r)}, {}}));
    VEILSUM_RETURN_IF_ERROR(acknowledge(kCommitted));
  }
  return absl::OkStatus();
}

struct Outcome {
  bool killed = false;
  std::string acknowledged;
  long points = 0;  // writes and syncs of a child that lived
};

Outcome RunChild(const std::filesystem::path& file, long fatal) {
  int report[2];
  VEILSUM_CHECK(pipe(report) == 0);
  const pid_t child = fork();
  if (child == 0) {
    RegisterKillingVfs(fatal);
    auto store = OpenSqliteRunStore(file, {kKillingVfs});
    const bool done = store.ok() && Script(**store, report[1]).ok();
    const long points = WritesAndSyncsSoFar();
    if (done && write(report[1], &points, sizeof points) != sizeof points) _exit(2);
    _exit(done ? 0 : 1);  // without closing the database: the end of a process is a crash as well
  }
  close(report[1]);
  std::string text;
  char buffer[256];
  for (ssize_t n; (n = read(report[0], buffer, sizeof buffer)) > 0;)
    text.append(buffer, static_cast<std::size_t>(n));
  close(report[0]);
  int status = 0;
  waitpid(child, &status, 0);
  Outcome outcome;
  outcome.killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
  EXPECT_TRUE(outcome.killed || (WIFEXITED(status) && WEXITSTATUS(status) == 0)) << status;
  if (!outcome.killed && text.size() >= sizeof outcome.points) {
    std::memcpy(&outcome.points, text.data() + text.size() - sizeof outcome.points,
                sizeof outcome.points);
    text.resize(text.size() - sizeof outcome.points);
  }
  outcome.acknowledged = text;
  return outcome;
}

std::uint64_t Count(const std::string& text, char what) {
  return static_cast<std::uint64_t>(std::count(text.begin(), text.end(), what));
}

// Everything acknowledged is there; at most the one operation that was under way is there besides.
void CheckRecovered(RunStore& store, const std::string& acknowledged) {
  const auto snapshot = store.Snapshot("r");
  if (!snapshot.ok()) {
    ASSERT_THAT(snapshot, StatusIs(absl::StatusCode::kNotFound, ""));
    ASSERT_EQ(acknowledged, "");
    return;
  }
  const std::uint64_t opened = 2 * Count(acknowledged, kOpened),
                      committed = Count(acknowledged, kCommitted);
  EXPECT_TRUE(snapshot->last_opened == opened || snapshot->last_opened == opened + 2);
  EXPECT_TRUE(snapshot->step == committed || snapshot->step == committed + 1);
  EXPECT_GE(snapshot->aborted, Count(acknowledged, kAborted));
  for (const std::string& member : kV) {
    const auto charged = snapshot->charged.find(member);
    EXPECT_EQ(charged == snapshot->charged.end() ? 0 : charged->second, snapshot->last_opened);
  }
  EXPECT_GE(snapshot->last_opened, snapshot->step);  // charged >= released
  EXPECT_EQ(snapshot->engine_state, Bytes{static_cast<std::uint8_t>(snapshot->step)});
  EXPECT_EQ(*snapshot->latest_model_bytes, ModelOf(snapshot->step).bytes);
  for (std::uint64_t r = 1; r <= Count(acknowledged, kFroze); ++r) {  // SA-22: U is never forgotten
    const auto round = store.LoadRound("r", r);
    ASSERT_OK(round);
    EXPECT_EQ(round->survivors, kU);
  }
  ASSERT_OK(store.RecoverOpenRounds("r"));
  EXPECT_OK(store.OpenBlock("r", {snapshot->last_opened + 1, snapshot->last_opened + 1,
                                  Bytes(16, 9), 99, 0, Bytes(32, 2), kV}));
}

TEST(RunStoreCrash, AtEveryWriteAndSyncLeavesAPromisedState) {
  const TestFolder folder;
  RegisterKillingVfs(0);
  const Outcome whole = RunChild(folder.path() / "whole.db", 0);
  ASSERT_FALSE(whole.killed);
  ASSERT_EQ(whole.acknowledged, "cofmfmofmfx");
  ASSERT_GT(whole.points, 50);
  for (long fatal = 1; fatal <= whole.points; ++fatal) {
    SCOPED_TRACE(fatal);
    const auto file = folder.path() / absl::StrFormat("%d.db", fatal);
    const Outcome outcome = RunChild(file, fatal);
    ASSERT_TRUE(outcome.killed);
    auto store = OpenSqliteRunStore(file, {kKillingVfs});
    ASSERT_OK(store);
    CheckRecovered(**store, outcome.acknowledged);
    if (testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace veilsum::coordinator
