// kill -9 at every write and every sync of a client's odometer while two runs share a block: what
// is found afterwards has every attempt that was acknowledged as spent, at most the one under way
// besides, and the block never holds more than its budget (SE-09, SE-10; A19). Once alone, and once
// beside another process that has the odometer open all the time.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/policy/odometer.h"
#include "tests/fault/killing_vfs.h"
#include "tests/support/status_matchers.h"
#include "tests/support/test_pki.h"

namespace veilsum::client {
namespace {

const char* const kBlock = "epoch-1/training";
const dp::BlockBudget kBudget{2, 1e-6, 12};
const Hash32 kFirst{1}, kSecond{2};

double Each() { return dp::RenyiLimit(kBudget) / 10; }  // ten attempts fill the block

BlockCharge Charge(std::uint64_t attempts) {
  return {kBlock, kBudget, {{"train", {Each(), 0, 0}, attempts}}};
}

// Operations in order; each is acknowledged once it has returned OK.
constexpr std::string_view kScript = "Aab.Bcx";

absl::Status Do(Odometer& odometer, char what) {
  switch (what) {
    case 'A':
      return odometer.Approve(kFirst, 6, Charge(6));
    case 'a':
      return odometer.Spend(kFirst, 1, 2);
    case 'b':
      return odometer.Spend(kFirst, 3, 3);
    case '.':
      return odometer.CloseContract(kFirst);  // three attempts return
    case 'B':
      return odometer.Approve(kSecond, 7, Charge(7));
    case 'c':
      return odometer.Spend(kSecond, 1, 7);
    default:  // one attempt more than the block has
      return absl::IsResourceExhausted(odometer.Approve(Hash32{3}, 1, Charge(1)))
                 ? absl::OkStatus()
                 : Internal("the block was overdrawn");
  }
}

struct Outcome {
  bool killed = false;
  std::size_t acknowledged = 0;
  long points = 0;
  std::unique_ptr<Odometer> beside;
};

Outcome RunChild(const std::filesystem::path& file, long fatal, bool beside) {
  int report[2], go[2];
  VEILSUM_CHECK(pipe(report) == 0 && pipe(go) == 0);
  const pid_t child = fork();
  if (child == 0) {
    char byte = 0;
    if (read(go[0], &byte, 1) != 1) _exit(3);
    RegisterKillingVfs(fatal, /*shared_memory=*/true);
    const auto odometer = Odometer::Open(file, kKillingVfs);
    if (!odometer.ok()) _exit(1);
    for (const char what : kScript)
      if (!Do(**odometer, what).ok() || write(report[1], &what, 1) != 1) _exit(1);
    const long points = WritesAndSyncsSoFar();
    _exit(write(report[1], &points, sizeof points) == sizeof points ? 0 : 2);
  }
  close(report[1]);
  Outcome outcome;
  if (beside) outcome.beside = Odometer::Open(file).value();
  VEILSUM_CHECK(write(go[1], "g", 1) == 1);
  for (char what; outcome.acknowledged < kScript.size() && read(report[0], &what, 1) == 1;)
    ++outcome.acknowledged;
  if (read(report[0], &outcome.points, sizeof outcome.points) != sizeof outcome.points)
    outcome.points = 0;
  for (const int fd : {report[0], go[0], go[1]}) close(fd);
  int status = 0;
  waitpid(child, &status, 0);
  outcome.killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
  EXPECT_TRUE(outcome.killed || (WIFEXITED(status) && WEXITSTATUS(status) == 0)) << status;
  return outcome;
}

// Attempts spent, in all, after the first n operations of the script.
std::uint64_t SpentAfter(std::size_t n) {
  constexpr std::array<std::uint64_t, 8> kSpent = {0, 0, 2, 3, 3, 3, 10, 10};
  return kSpent[n];
}

void CheckRecovered(Odometer& odometer, std::size_t acknowledged) {
  std::uint64_t counted = 0;
  for (const Hash32& contract : {kFirst, kSecond})
    if (const auto entry = odometer.Load(contract); entry.ok()) counted += entry->attempts;
  const std::size_t under_way = std::min(acknowledged + 1, kScript.size());
  EXPECT_TRUE(counted == SpentAfter(acknowledged) || counted == SpentAfter(under_way)) << counted;
  const auto totals = odometer.Totals(kBlock);
  if (acknowledged == 0 && !totals.ok()) return;
  ASSERT_OK(totals);
  EXPECT_NEAR(totals->spent, static_cast<double>(counted) * Each(),
              1e-9);  // count and budget agree
  EXPECT_LE(totals->spent + totals->reserved, totals->limit * (1 + 1e-9));
  // Whatever was spent stays spent: there is room for exactly what is left.
  const double left = (totals->limit - totals->spent - totals->reserved) / Each();
  const auto room = static_cast<std::uint64_t>(left + 0.5);
  EXPECT_THAT(odometer.Approve(Hash32{9}, room + 1, Charge(room + 1)),
              StatusIs(absl::StatusCode::kResourceExhausted, "Renyi"));
  if (room > 0) {
    EXPECT_OK(odometer.Approve(Hash32{9}, room, Charge(room)));
  }
}

void CrashEverywhere(bool beside) {
  const TestFolder folder;
  RegisterKillingVfs(0, /*shared_memory=*/true);
  const Outcome whole = RunChild(folder.path() / "whole.db", 0, beside);
  ASSERT_FALSE(whole.killed);
  ASSERT_EQ(whole.acknowledged, kScript.size());
  ASSERT_GT(whole.points, 20);
  for (long fatal = 1; fatal <= whole.points; ++fatal) {
    SCOPED_TRACE(fatal);
    const auto file = folder.path() / absl::StrFormat("%d.db", fatal);
    const Outcome outcome = RunChild(file, fatal, beside);
    ASSERT_TRUE(outcome.killed);
    if (outcome.beside) CheckRecovered(*outcome.beside, outcome.acknowledged);
    const auto odometer = Odometer::Open(file, kKillingVfs);
    ASSERT_OK(odometer);
    if (!outcome.beside) CheckRecovered(**odometer, outcome.acknowledged);
    if (outcome.beside && outcome.acknowledged > 0) {
      const BlockTotals seen = *outcome.beside->Totals(kBlock),
                        fresh = *(*odometer)->Totals(kBlock);
      EXPECT_EQ(seen.spent, fresh.spent);
      EXPECT_EQ(seen.reserved, fresh.reserved);
    }
    if (testing::Test::HasFailure()) return;
  }
}

TEST(OdometerCrash, AtEveryWriteAndSyncKeepsWhatWasSpent) { CrashEverywhere(/*beside=*/false); }

TEST(OdometerCrash, BesideAnotherProcessItKeepsWhatWasSpentToo) {
  CrashEverywhere(/*beside=*/true);
}

}  // namespace
}  // namespace veilsum::client
