// kill -9 at every write and every sync of the ledger's writers: what the coordinator's database
// says is what its ledger says, no head that was shown is ever taken back, nothing is released
// whose charge is not in the ledger (SE-07, SE-09); what a witness has cosigned it remembers.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "base/secure_rng.h"
#include "client/witness/witness_store.h"
#include "coordinator/store/run_store.h"
#include "tests/fault/killing_vfs.h"
#include "tests/support/test_pki.h"
#include "tests/unit/model/small_ledger.h"

namespace veilsum {
namespace {

namespace fs = std::filesystem;
using coordinator::OpenSqliteRunStore;
using coordinator::RunStore;
using coordinator::SqliteRunStoreOptions;
using ledger::LedgerSeats;
using ledger::SmallRun;

struct Shown {  // a head that has left the process, or the size that a witness has cosigned
  std::uint64_t size = 0;
  Hash32 root{};
  std::uint64_t committed = 0;
};

struct Outcome {
  bool killed = false;
  std::vector<Shown> shown;
  long points = 0;  // writes and syncs of a child that lived
};

// Runs `body` in a process that dies at write or sync number `fatal`; what it reports is kept.
Outcome RunChild(long fatal, const std::function<bool(int report)>& body) {
  int report[2];
  VEILSUM_CHECK(pipe(report) == 0);
  const pid_t child = fork();
  if (child == 0) {
    RegisterKillingVfs(fatal);
    const bool done = body(report[1]);
    Shown last;
    last.size = static_cast<std::uint64_t>(WritesAndSyncsSoFar());
    if (done && write(report[1], &last, sizeof last) != sizeof last) _exit(2);
    _exit(done ? 0 : 1);
  }
  close(report[1]);
  Outcome outcome;
  for (Shown shown; read(report[0], &shown, sizeof shown) == sizeof shown;)
    outcome.shown.push_back(shown);
  close(report[0]);
  int status = 0;
  waitpid(child, &status, 0);
  outcome.killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
  EXPECT_TRUE(outcome.killed || (WIFEXITED(status) && WEXITSTATUS(status) == 0)) << status;
  if (!outcome.killed && !outcome.shown.empty()) {
    outcome.points = static_cast<long>(outcome.shown.back().size);
    outcome.shown.pop_back();
  }
  return outcome;
}

SqliteRunStoreOptions Options(const char* vfs) {
  SqliteRunStoreOptions options;
  options.vfs = vfs;
  options.ledger.emplace();
  options.ledger->federation = "fed.test";
  options.ledger->actor = "spiffe://fed.test/coordinator/c1";
  options.ledger->signer = ledger::SmallKey(1).signer;
  return options;
}

// A run that everybody has approved.
void Prepare(const fs::path& file) {
  auto store = *OpenSqliteRunStore(file, Options(nullptr));
  const SmallRun& run = SmallRun::Get();
  ASSERT_OK(store->CreateRun({"run-1", run.plan_json, run.contract_json, 7, "training", ""},
                             {{}, 0, Bytes(10)}, Bytes{0}));
  for (const std::string& seat : LedgerSeats(7))
    ASSERT_OK(store->SaveApproval(
        "run-1", {seat, Bytes(64, 1), Bytes(10, 1), ledger::SmallKey(40).signer->public_key()}));
}

absl::Status Show(RunStore& store, std::uint64_t committed, int report) {
  const tlog::Checkpoint head = store.ledger()->Head();
  const Shown shown{head.size, head.root, committed};
  return write(report, &shown, sizeof shown) == sizeof shown ? absl::OkStatus() : Internal("pipe");
}

// Two blocks: commit, commit; abort, commit; the end.
absl::Status Script(RunStore& store, int report) {
  std::uint64_t committed = 0;
  for (std::uint64_t r = 1; r <= 4; ++r) {
    if (r % 2 == 1)
      VEILSUM_RETURN_IF_ERROR(
          store.OpenBlock("run-1", {r, r + 1, Bytes(16, 1), static_cast<std::uint32_t>(r), 0,
                                    Bytes(32, 2), LedgerSeats(7)}));
    VEILSUM_RETURN_IF_ERROR(Show(store, committed, report));
    VEILSUM_RETURN_IF_ERROR(store.Freeze("run-1", r, LedgerSeats(7)));
    if (r == 3) {
      VEILSUM_RETURN_IF_ERROR(store.Abort("run-1", r, "too few"));
    } else {
      VEILSUM_RETURN_IF_ERROR(
          store.Commit("run-1", {r, LedgerSeats(7), r, Hash32{}, std::nullopt, Bytes{1}, {}}));
      ++committed;
    }
    VEILSUM_RETURN_IF_ERROR(Show(store, committed, report));
  }
  VEILSUM_RETURN_IF_ERROR(store.SetRunState("run-1", "finished", ""));
  return Show(store, committed, report);
}

// The database and its ledger tell the same, and continue every head that was shown.
void CheckRecovered(RunStore& store, const std::vector<Shown>& shown) {
  coordinator::LedgerView& view = *store.ledger();
  const tlog::Checkpoint head = view.Head();
  for (const Shown& earlier : shown) {
    ASSERT_GE(head.size, earlier.size) << "a head was taken back";
    const auto proof = view.ProveConsistency(earlier.size, head.size);
    ASSERT_OK(proof);
    ASSERT_OK(tlog::VerifyConsistency(earlier.size, earlier.root, head.size, head.root, *proof));
  }
  ledger::LedgerRules rules([&](const Hash32& sha256) { return view.Blob(sha256); });
  for (std::uint64_t i = 0; i < head.size; ++i)
    ASSERT_TRUE(rules.Apply(*view.Leaf(i)).empty()) << i;
  const ledger::RegisteredRun& run = rules.runs().at(SmallRun::Get().name);
  const coordinator::RunSnapshot snapshot = *store.Snapshot("run-1");
  EXPECT_EQ(run.opened, snapshot.last_opened);
  std::uint64_t committed = 0, aborted = 0;
  for (std::uint64_t r = 1; r <= snapshot.last_opened; ++r) {
    const coordinator::RoundState state = store.LoadRound("run-1", r)->state;
    committed += state == coordinator::RoundState::kCommitted;
    aborted += state == coordinator::RoundState::kAborted;
  }
  EXPECT_EQ(run.committed, committed);
  EXPECT_EQ(run.aborted, aborted);
  EXPECT_EQ(run.ended, snapshot.run.state == "finished");
  for (const auto& [member, attempts] : snapshot.charged) EXPECT_EQ(attempts, run.opened) << member;
  if (!shown.empty()) {
    EXPECT_GE(committed, shown.back().committed) << "released, not in the ledger";
  }
  EXPECT_GE(run.opened, committed);
  ASSERT_OK(store.RecoverOpenRounds("run-1"));
}

// Each crash costs two readings of a ledger with its noise judged anew: all of them at night.
long StrideOver(long points) {
  constexpr long kByDay = 20;
  return std::getenv("VEILSUM_EVERY_CRASH") != nullptr ? 1 : std::max(1L, points / kByDay);
}

TEST(LedgerCrash, AtEveryWriteAndSyncOfTheCoordinator) {
  InitialiseCrypto();
  const TestFolder folder;
  const fs::path prepared = folder.path() / "prepared.db";
  Prepare(prepared);
  const auto run = [&](const fs::path& file, long fatal) {
    fs::copy_file(prepared, file);
    return RunChild(fatal, [&](int report) {
      auto store = OpenSqliteRunStore(file, Options(kKillingVfs));
      return store.ok() && Script(**store, report).ok();
    });
  };
  RegisterKillingVfs(0);
  const Outcome whole = run(folder.path() / "whole.db", 0);
  ASSERT_FALSE(whole.killed);
  ASSERT_EQ(whole.shown.size(), 9u);
  ASSERT_GT(whole.points, 40);
  const long stride = StrideOver(whole.points);
  for (long fatal = 1; fatal <= whole.points; fatal += stride) {
    SCOPED_TRACE(fatal);
    const fs::path file = folder.path() / absl::StrFormat("%d.db", fatal);
    const Outcome outcome = run(file, fatal);
    ASSERT_TRUE(outcome.killed);
    auto store = OpenSqliteRunStore(file, Options(kKillingVfs));
    ASSERT_OK(store);
    CheckRecovered(**store, outcome.shown);
    if (testing::Test::HasFailure()) return;
    store->reset();
    fs::remove(file);
  }
}

TEST(LedgerCrash, AtEveryWriteAndSyncOfAWitness) {
  const TestFolder folder;
  const auto log_of = [](std::uint64_t size) {
    client::KnownLog log;
    log.log_key = "key";
    log.actor = "actor";
    log.head = {size, Hash32{static_cast<std::uint8_t>(size)}};
    log.note = std::string(5000, 'n');
    log.cosignature = Bytes(72, static_cast<std::uint8_t>(size));
    return log;
  };
  const auto run = [&](const fs::path& file, long fatal) {
    return RunChild(fatal, [&](int report) {
      auto store = client::WitnessStore::Open(file, kKillingVfs);
      if (!store.ok()) return false;
      for (std::uint64_t size = 1; size <= 5; ++size) {
        const client::StoredReceipt receipt{Hash32{1}, size, std::string(3000, 'r')};
        if (!(*store)->Save("fed.test/ledger", log_of(size), receipt).ok()) return false;
        const Shown cosigned{size, {}, 0};
        if (write(report, &cosigned, sizeof cosigned) != sizeof cosigned) return false;
      }
      return true;
    });
  };
  RegisterKillingVfs(0);
  const Outcome whole = run(folder.path() / "whole.db", 0);
  ASSERT_FALSE(whole.killed);
  ASSERT_EQ(whole.shown.size(), 5u);
  for (long fatal = 1; fatal <= whole.points; ++fatal) {
    SCOPED_TRACE(fatal);
    const fs::path file = folder.path() / absl::StrFormat("%d.db", fatal);
    const Outcome outcome = run(file, fatal);
    ASSERT_TRUE(outcome.killed);
    auto store = client::WitnessStore::Open(file, kKillingVfs);
    ASSERT_OK(store);
    const auto known = (*store)->Load("fed.test/ledger");
    ASSERT_OK(known);
    const std::uint64_t size = *known ? (*known)->head.size : 0;
    const std::uint64_t cosigned = outcome.shown.size();
    ASSERT_TRUE(size == cosigned || size == cosigned + 1) << size << " after " << cosigned;
    ASSERT_EQ((*store)->Receipts()->size(), size) << "head and receipt belong together";
    if (size != 0) {
      ASSERT_EQ((*known)->cosignature, log_of(size).cosignature);
      ASSERT_THAT((*store)->Save("fed.test/ledger", log_of(size - 1), std::nullopt),
                  StatusIs(absl::StatusCode::kFailedPrecondition, "is at size"));
    }
  }
}

}  // namespace
}  // namespace veilsum
