// Several coordinators and one PostgreSQL: who leads, what a leader that is none any more may still
// do (nothing), and what is said of passwords (nothing).
#include "tests/conformance/postgres_store.h"

#include <atomic>
#include <fstream>
#include <future>

#include "base/crypto/sha256_stream.h"
#include "base/secure_rng.h"
#include "coordinator/store/ledger_appender.h"
#include "coordinator/store/store_check.h"
#include "model/ledger/entry.h"
#include "tests/support/status_matchers.h"
#include "tests/support/test_pki.h"
#include "tests/unit/model/small_ledger.h"

namespace veilsum::coordinator {
namespace {

using absl::StatusCode;
using testing::HasSubstr;
using testing::Not;

constexpr std::chrono::seconds kPatience{60};

Block LeaseBlock(std::uint64_t first, std::uint64_t last, std::uint32_t batch) {
  return {first, last, Bytes(16, 1), batch, 0, Bytes(32, 2), ledger::LedgerSeats(7)};
}

// A coordinator as far as its store goes.
struct Replica {
  std::unique_ptr<RunStore> store;
  std::shared_ptr<std::atomic<int>> lost = std::make_shared<std::atomic<int>>(0);
};

class PostgresStoreTest : public testing::Test {
 protected:
  void SetUp() override {
    InitialiseCrypto();
    const absl::StatusOr<PostgresPlace> place = TestPlace(folder_.path());
    if (!place.ok()) GTEST_SKIP() << place.status().message();
    place_ = *place;
  }
  std::unique_ptr<PostgresLease> Lease(const std::string& holder,
                                       const PostgresLeaseTiming& timing = {}) {
    return PostgresLease::Connect(place_, holder, timing).value();
  }
  Replica Serve(std::unique_ptr<PostgresLease> lease) {
    Replica out;
    PostgresRunStoreOptions options;
    options.ledger.emplace();
    options.ledger->federation = "fed.test";
    options.ledger->actor = "spiffe://fed.test/coordinator/c1";
    options.ledger->signer = ledger::SmallKey(1).signer;
    options.on_lost = [lost = out.lost](const absl::Status&) { ++*lost; };
    out.store = OpenPostgresRunStore(std::move(lease), options).value();
    return out;
  }
  static void Begin(RunStore& store) {
    const ledger::SmallRun& run = ledger::SmallRun::Get();
    ASSERT_OK(store.CreateRun({"run-1", run.plan_json, run.contract_json, 7, "training", ""},
                              {Sha256Stream("fsa/v1/model").Add(Bytes(10)).Finish(), 0, Bytes(10)},
                              Bytes{1}));
    for (const std::string& seat : ledger::LedgerSeats(7))
      ASSERT_OK(store.SaveApproval(
          "run-1", {seat, Bytes(64, 1), Bytes(10, 1), ledger::SmallKey(40).signer->public_key()}));
    ASSERT_OK(store.OpenBlock("run-1", LeaseBlock(1, 2, 0)));
  }
  // As a network does that fails between a leader's lease and the server.
  void CutLeases() {
    ExecuteTestPostgres(folder_.path(),
                        "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = "
                        "'advisory' AND granted");
  }
  static void Acquire(PostgresLease& lease) {
    const auto end = std::chrono::steady_clock::now() + kPatience;
    for (;;) {
      const absl::StatusOr<bool> elected = lease.TryAcquire();
      ASSERT_OK(elected.status());
      if (*elected) return;
      ASSERT_LT(std::chrono::steady_clock::now(), end);
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  }
  static void AwaitLost(const Replica& replica) {
    const auto end = std::chrono::steady_clock::now() + kPatience;
    while (*replica.lost == 0 && std::chrono::steady_clock::now() < end)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    EXPECT_GT(*replica.lost, 0);
  }

  TestFolder folder_;
  PostgresPlace place_;
};

TEST_F(PostgresStoreTest, OneHasTheLeaseAndEachElectionIsANewTerm) {
  auto a = Lease("a:1"), b = Lease("b:2");
  EXPECT_EQ(*b->Holder(), "");
  EXPECT_FALSE(*b->HasLedger());
  EXPECT_TRUE(*a->TryAcquire());
  EXPECT_EQ(a->term(), 1u);
  EXPECT_FALSE(*b->TryAcquire());
  EXPECT_EQ(*b->Holder(), "a:1");
  Replica leader = Serve(std::move(a));
  EXPECT_TRUE(*b->HasLedger());
  EXPECT_FALSE(*b->TryAcquire());
  leader.store.reset();  // gives it back
  EXPECT_TRUE(*b->TryAcquire());
  EXPECT_EQ(b->term(), 2u);
  EXPECT_EQ(*b->Holder(), "b:2");
  EXPECT_EQ(*leader.lost, 0);
}

// The lock is gone and the session that writes is not: the term is what refuses.
TEST_F(PostgresStoreTest, AnOldLeaderWritesNothingAfterAnElection) {
  auto first = Lease("a:1"), second = Lease("b:2");
  Acquire(*first);
  Replica old = Serve(std::move(first));
  Begin(*old.store);
  const tlog::Checkpoint before = old.store->ledger()->Head();
  CutLeases();
  Acquire(*second);
  Replica now = Serve(std::move(second));
  EXPECT_EQ(now.store->ledger()->Head(), before);
  const int told = *old.lost;
  EXPECT_THAT(old.store->OpenBlock("run-1", LeaseBlock(3, 4, 1)),
              StatusIs(StatusCode::kAborted, "no longer leader: term 1 is over, it is 2"));
  EXPECT_GT(*old.lost, told);
  for (const absl::Status& refused :
       {old.store->Abort("run-1", 1, "late"), old.store->SetRunState("run-1", "failed", "lost"),
        old.store->Freeze("run-1", 1, ledger::LedgerSeats(7)),
        old.store->RecoverOpenRounds("run-1").status()})
    EXPECT_THAT(refused, StatusIs(StatusCode::kAborted, "no longer leader"));
  const ledger::SmallKey witness(9);
  old.store->ledger()->AddCosignature(before.size, witness.As("w", tlog::KeyType::kCosignature),
                                      {"w", 1, Bytes(72)});
  EXPECT_THAT(old.store->ledger()->KeepCosignatures(),
              StatusIs(StatusCode::kAborted, "no longer leader"));

  ASSERT_OK_AND_ASSIGN(const RunSnapshot snapshot, now.store->Snapshot("run-1"));
  EXPECT_EQ(snapshot.run.state, "training");
  EXPECT_EQ(snapshot.last_opened, 2u);
  EXPECT_EQ(snapshot.charged.begin()->second, 2u);
  EXPECT_EQ(now.store->ledger()->Head(), before);
  EXPECT_EQ(now.store->ledger()->SignedHead()->signatures.size(), 1u);
  ASSERT_OK_AND_ASSIGN(const std::uint64_t open, now.store->RecoverOpenRounds("run-1"));
  EXPECT_EQ(open, 2u);
  ASSERT_OK(now.store->OpenBlock("run-1", LeaseBlock(3, 4, 1)));

  ASSERT_OK_AND_ASSIGN(const StoreCheck sound, CheckPostgresStore(place_));
  EXPECT_THAT(sound.faults, testing::IsEmpty());
  EXPECT_EQ(sound.rounds, 4u);
  EXPECT_EQ(sound.head, now.store->ledger()->Head());

  // The ledger tells of both terms, and an auditor's rules admit it.
  LedgerView& view = *now.store->ledger();
  ledger::LedgerRules rules([&](const Hash32& sha256) { return view.Blob(sha256); });
  std::uint64_t term = 0;
  for (std::uint64_t i = 0; i < view.Head().size; ++i) {
    const Bytes leaf = view.Leaf(i).value();
    EXPECT_TRUE(rules.Apply(leaf).empty()) << i;
    term = ledger::ParseEntry(leaf)->entry.header.term;
    EXPECT_EQ(term, i < before.size ? 1u : 2u);
  }
  EXPECT_EQ(term, 2u);
}

// What was under way is whole, and the next leader sees it.
TEST_F(PostgresStoreTest, AnElectionWaitsForATransactionThatIsUnderWay) {
  auto first = Lease("a:1"), second = Lease("b:2");
  Acquire(*first);
  auto writer = PostgresDatabase::Connect(place_).value();
  writer->Fence(first->term(), nullptr, nullptr);
  ASSERT_OK(writer->Begin());
  ASSERT_OK(
      writer->Execute("INSERT INTO ledger_blobs VALUES(decode(repeat('07', 32), 'hex'), 'x')"));
  CutLeases();
  std::future<void> election = std::async(std::launch::async, [&] { Acquire(*second); });
  EXPECT_EQ(election.wait_for(std::chrono::milliseconds(200)), std::future_status::timeout);
  ASSERT_OK(writer->Commit());
  election.get();
  EXPECT_EQ(second->term(), 2u);
  EXPECT_THAT(writer->Begin(), StatusIs(StatusCode::kAborted, "no longer leader"));
  Hash32 blob;
  blob.fill(7);
  EXPECT_EQ(*Serve(std::move(second)).store->ledger()->Blob(blob), "x");
}

TEST_F(PostgresStoreTest, ALeaderThatStandsStillIsReplacedAndOneThatIsCutOffLearnsOfIt) {
  PostgresLeaseTiming still;
  still.silence = std::chrono::milliseconds(300);
  still.ping = std::chrono::hours(1);
  auto first = Lease("a:1", still), second = Lease("b:2"), third = Lease("c:3");
  Acquire(*first);
  Acquire(*second);
  EXPECT_EQ(second->term(), 2u);
  Replica leader = Serve(std::move(second));
  CutLeases();
  AwaitLost(leader);  // by its watch: it has written nothing
  Acquire(*third);
  EXPECT_EQ(third->term(), 3u);
}

TEST_F(PostgresStoreTest, ABrokenSessionIsTheEndOfALeader) {
  auto lease = Lease("a:1");
  Acquire(*lease);
  Replica leader = Serve(std::move(lease));
  ExecuteTestPostgres(folder_.path(),
                      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                      "WHERE application_name = 'veilsum-coordinator' AND pid <> pg_backend_pid()");
  EXPECT_THAT(leader.store->UnfinishedRuns(), StatusIs(StatusCode::kUnavailable, "lost"));
  EXPECT_GT(*leader.lost, 0);
}

TEST_F(PostgresStoreTest, ASchemaOfANewerProgramIsRefused) {
  auto lease = Lease("a:1");
  Acquire(*lease);
  lease.reset();
  ExecuteTestPostgres(folder_.path(), "INSERT INTO schema_migrations VALUES(99, '')");
  EXPECT_THAT(Lease("a:1")->TryAcquire(), StatusIs(StatusCode::kFailedPrecondition, "schema 99"));
  ExecuteTestPostgres(folder_.path(),
                      "DELETE FROM schema_migrations WHERE number = 99; "
                      "UPDATE schema_migrations SET sha256 = 'x' WHERE number = 1");
  EXPECT_THAT(Lease("a:1")->TryAcquire(),
              StatusIs(StatusCode::kFailedPrecondition, "another text"));
}

TEST_F(PostgresStoreTest, FsckSaysWhereStoreAndLedgerDisagree) {
  auto lease = Lease("a:1");
  Acquire(*lease);
  const Replica leader = Serve(std::move(lease));
  Begin(*leader.store);
  ExecuteTestPostgres(folder_.path(),
                      "UPDATE budgets SET attempts = attempts - 1 WHERE member LIKE '%shop-0%'; "
                      "UPDATE models SET bytes = decode('00', 'hex')");
  ASSERT_OK_AND_ASSIGN(const StoreCheck check, CheckPostgresStore(place_));
  EXPECT_THAT(check.faults,
              testing::ElementsAre(HasSubstr("SE-07"), HasSubstr("the model of step")));
}

TEST_F(PostgresStoreTest, AWrongPasswordIsNotQuoted) {
  const std::filesystem::path file = folder_.path() / "passfile";
  std::ofstream(file) << "*:*:*:veilsum:hunter2\n";
  std::filesystem::permissions(file, std::filesystem::perms(0600));
  place_.passfile = file;
  const absl::Status refused = PostgresDatabase::Connect(place_).status();
  EXPECT_THAT(refused, StatusIs(StatusCode::kUnavailable, "password authentication failed"));
  EXPECT_THAT(std::string(refused.message()), Not(HasSubstr("hunter2")));
}

TEST(PostgresPlaceTest, APlaceIsRefusedWithoutQuotingIt) {
  InitialiseCrypto();
  const TestFolder folder;
  const auto check = [](const std::string& url, const std::string& schema = "veilsum") {
    PostgresPlace place;
    place.url = url;
    place.schema = schema;
    const absl::Status status = CheckPostgresPlace(place);
    EXPECT_THAT(std::string(status.message()), Not(HasSubstr("hunter2")));
    return status;
  };
  for (const char* good :
       {"postgresql://u@localhost/db", "postgresql:///db?host=/run/postgresql",
        "postgres://u@127.0.0.1:5433,[::1]/db", "postgresql://u@db.example/d?sslmode=verify-full"})
    EXPECT_OK(check(good)) << good;
  EXPECT_THAT(check("/var/lib/x.sqlite"), StatusIs(StatusCode::kInvalidArgument, "postgresql://"));
  EXPECT_THAT(check("postgresql://u:hunter2@localhost/db"),
              StatusIs(StatusCode::kInvalidArgument, "passfile"));
  EXPECT_THAT(check("postgresql://localhost/db?password=hunter2"),
              StatusIs(StatusCode::kInvalidArgument, "passfile"));
  EXPECT_THAT(check("postgresql://u:hunter2@localhost/db?nonsense=1"),
              StatusIs(StatusCode::kInvalidArgument, "not a PostgreSQL URL"));
  EXPECT_THAT(check("postgresql://u@db.example/d"),
              StatusIs(StatusCode::kInvalidArgument, "verify-full"));
  EXPECT_THAT(check("postgresql://u@localhost,db.example/d?sslmode=require"),
              StatusIs(StatusCode::kInvalidArgument, "verify-full"));
  EXPECT_THAT(check("postgresql:///d?service=away"),
              StatusIs(StatusCode::kInvalidArgument, "service"));
  setenv("PGHOST", "db.example", 1);  // what the URL leaves open comes from there
  EXPECT_THAT(check("postgresql://u@/d"), StatusIs(StatusCode::kInvalidArgument, "verify-full"));
  EXPECT_OK(check("postgresql://u@localhost/d"));
  unsetenv("PGHOST");
  EXPECT_THAT(check("postgresql://u@localhost/d", "x; DROP TABLE y"),
              StatusIs(StatusCode::kInvalidArgument, "schema"));
  PostgresPlace open;
  open.url = "postgresql://u@localhost/db";
  open.passfile = folder.path() / "passfile";
  EXPECT_THAT(CheckPostgresPlace(open), StatusIs(StatusCode::kNotFound, "no such file"));
  std::ofstream(open.passfile) << "x";
  std::filesystem::permissions(open.passfile, std::filesystem::perms(0644));
  EXPECT_THAT(CheckPostgresPlace(open), StatusIs(StatusCode::kInvalidArgument, "chmod 600"));
}

}  // namespace
}  // namespace veilsum::coordinator
