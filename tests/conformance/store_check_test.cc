// Backups of a run store, and fsck: what is sound passes, and every way in which store and ledger
// can disagree is named.
#include "coordinator/store/store_check.h"

#include "base/crypto/sha256_stream.h"
#include "base/secure_rng.h"
#include "base/sqlite/database.h"
#include "coordinator/store/run_store.h"
#include "tests/support/test_pki.h"
#include "tests/unit/model/small_ledger.h"

namespace veilsum::coordinator {
namespace {

using absl::StatusCode;
using ledger::LedgerSeats;
using ledger::SmallRun;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

SqliteRunStoreOptions Options() {
  SqliteRunStoreOptions options;
  options.ledger.emplace();
  options.ledger->federation = "fed.test";
  options.ledger->actor = "spiffe://fed.test/coordinator/c1";
  options.ledger->signer = ledger::SmallKey(1).signer;
  return options;
}

ModelRecord Model(std::uint64_t step) {
  ModelRecord model{{}, step, Bytes(100, static_cast<std::uint8_t>(step))};
  model.hash = Sha256Stream("fsa/v1/model").Add(model.bytes).Finish();
  return model;
}

// Judging a contract's noise takes a moment, so one sound store is made and copied.
class StoreCheckTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    InitialiseCrypto();
    made_ = new TestFolder();
    auto store = OpenSqliteRunStore(Original(), Options()).value();
    const SmallRun& run = SmallRun::Get();
    ASSERT_OK(store->CreateRun({"run-1", run.plan_json, run.contract_json, 7, "training", ""},
                               Model(0), Bytes{0}));
    for (const std::string& seat : LedgerSeats(7))
      ASSERT_OK(store->SaveApproval(
          "run-1", {seat, Bytes(64, 1), Bytes(10, 1), ledger::SmallKey(40).signer->public_key()}));
    ASSERT_OK(store->OpenBlock("run-1", {1, 4, Bytes(16, 1), 0, 0, Bytes(32, 2), LedgerSeats(7)}));
    ASSERT_OK(store->Freeze("run-1", 1, LedgerSeats(6)));
    RoundCommit commit{1, LedgerSeats(6), 1, Hash32{3}, Model(1), Bytes{2}, {}};
    ASSERT_OK(store->Commit("run-1", commit));
    ASSERT_OK(store->Abort("run-1", 2, "too few"));
    ASSERT_OK(store->BackupTo(Backup()));
    EXPECT_THAT(store->BackupTo(Backup()), StatusIs(StatusCode::kAlreadyExists, "backup.db"));
    ASSERT_OK(store->Abort("run-1", 3, "later"));
  }
  static void TearDownTestSuite() {
    delete made_;
    made_ = nullptr;
  }
  static std::filesystem::path Original() { return made_->path() / "store.db"; }
  static std::filesystem::path Backup() { return made_->path() / "backup.db"; }

  // The faults after somebody has changed the store behind the coordinator's back.
  std::vector<std::string> After(const std::string& sql) {
    const std::filesystem::path file = folder_.path() / "changed.db";
    std::filesystem::copy_file(Backup(), file, std::filesystem::copy_options::overwrite_existing);
    {
      auto db = sqlite::Database::Open(file).value();
      EXPECT_OK(db.Execute("PRAGMA foreign_keys=OFF; PRAGMA ignore_check_constraints=ON"));
      EXPECT_OK(db.Execute(sql));
      EXPECT_OK(db.Execute("PRAGMA wal_checkpoint(TRUNCATE)"));
    }
    const auto check = CheckStore(file);
    EXPECT_OK(check.status());
    return check.ok() ? check->faults : std::vector<std::string>{"no answer"};
  }

  static inline TestFolder* made_ = nullptr;
  TestFolder folder_;
};

TEST_F(StoreCheckTest, ABackupOfARunningStoreIsAWholeOneOfThatMoment) {
  ASSERT_OK_AND_ASSIGN(const StoreCheck copy, CheckStore(Backup()));
  EXPECT_THAT(copy.faults, IsEmpty());
  ASSERT_OK_AND_ASSIGN(const StoreCheck now, CheckStore(Original()));
  EXPECT_THAT(now.faults, IsEmpty());
  EXPECT_EQ(copy.runs, 1u);
  EXPECT_EQ(copy.rounds, 4u);
  EXPECT_EQ(now.head.size, copy.head.size + 1) << "what came after the backup is not in it";
  // And it goes on from there, under the same key, without anything that it has spent coming back.
  const std::filesystem::path file = folder_.path() / "again.db";
  std::filesystem::copy_file(Backup(), file);
  ASSERT_OK_AND_ASSIGN(const auto store, OpenSqliteRunStore(file, Options()));
  EXPECT_EQ(store->Snapshot("run-1")->last_opened, 4u);
  EXPECT_THAT(store->OpenBlock("run-1", {4, 6, Bytes(16, 1), 1, 0, Bytes(32, 2), LedgerSeats(7)}),
              StatusIs(StatusCode::kFailedPrecondition, ""));
}

TEST_F(StoreCheckTest, NamesEveryDisagreement) {
  // Several at once: each reading of a ledger judges its noise anew.
  const std::vector<std::string> some = After(
      "UPDATE budgets SET attempts = 3;"
      "UPDATE rounds SET state = 0 WHERE round IN (1, 2);"
      "UPDATE models SET bytes = zeroblob(7) WHERE step = 1;"
      "UPDATE schema_migrations SET sha256 = 'x' WHERE number = 1");
  EXPECT_THAT(some, Contains(HasSubstr("is charged 3 attempts, its blocks have 4: SE-07")));
  EXPECT_THAT(some, Contains(HasSubstr("round 1: what the store has committed")));
  EXPECT_THAT(some, Contains(HasSubstr("round 2: only one of store and ledger")));
  EXPECT_THAT(some, Contains(HasSubstr("the model of step 1")));
  EXPECT_THAT(some, Contains(HasSubstr("migration 1")));
  const std::vector<std::string> others = After(
      "DELETE FROM budgets;"
      "UPDATE rounds SET sum_hash = zeroblob(32) WHERE round = 1;"
      "UPDATE blocks SET last = 5;"
      "DELETE FROM rounds WHERE round = 4;"
      "UPDATE runs SET state = 'finished'");
  EXPECT_THAT(others, Contains(HasSubstr("is charged nothing")));
  EXPECT_THAT(others, Contains(HasSubstr("round 1: what the store has committed")));
  EXPECT_THAT(others, Contains(HasSubstr("SE-09")));
  EXPECT_THAT(others, Contains(HasSubstr("round 4 was charged and is not there")));
  EXPECT_THAT(others, Contains(HasSubstr("not over")));
}

TEST_F(StoreCheckTest, NamesALedgerThatWasTamperedWith) {
  EXPECT_THAT(After("UPDATE ledger SET leaf = CAST(replace(CAST(leaf AS TEXT), 'e', 'f') AS BLOB) "
                    "WHERE leaf_index = 1"),
              testing::Not(IsEmpty()));
  EXPECT_THAT(After("DELETE FROM ledger WHERE leaf_index = (SELECT max(leaf_index) FROM ledger)"),
              Contains(HasSubstr("the signed head")));
  EXPECT_THAT(After("UPDATE ledger_hashes SET hash = zeroblob(32)"),
              Contains(HasSubstr("the stored hashes")));
}

TEST_F(StoreCheckTest, SaysWhatItCannotRead) {
  EXPECT_THAT(CheckStore(folder_.path() / "none.db"), StatusIs(StatusCode::kNotFound, "none.db"));
  const std::filesystem::path file = folder_.path() / "newer.db";
  std::filesystem::copy_file(Backup(), file);
  {
    auto db = sqlite::Database::Open(file).value();
    ASSERT_OK(db.Execute("INSERT INTO schema_migrations VALUES(99, 'x')"));
  }
  EXPECT_THAT(CheckStore(file), StatusIs(StatusCode::kFailedPrecondition, "schema 99"));
}

}  // namespace
}  // namespace veilsum::coordinator
