// Backups of a coordinator: whole, put back whole, and never half.
#include "coordinator/store/archive.h"

#include <atomic>
#include <thread>

#include "base/file.h"
#include "base/folder.h"
#include "base/secure_rng.h"
#include "base/sqlite/database.h"
#include "tests/support/status_matchers.h"
#include "tests/support/test_pki.h"
#include "tests/unit/model/small_ledger.h"

namespace veilsum::coordinator {
namespace {

namespace fs = std::filesystem;
using absl::StatusCode;

SqliteRunStoreOptions LedgerOfTest() {
  SqliteRunStoreOptions options;
  options.ledger.emplace();
  options.ledger->federation = "fed.test";
  options.ledger->actor = "spiffe://fed.test/coordinator/c1";
  options.ledger->signer = ledger::SmallKey(1).signer;
  return options;
}

class ArchiveTest : public testing::Test {
 protected:
  void SetUp() override {
    InitialiseCrypto();
    ASSERT_OK(MakeNewFolder(At("node")));
    places_ = {At("node/store.db"), At("node/node.toml"), At("node/records"),
               At("node/revoked.txt")};
    ASSERT_OK(OpenSqliteRunStore(places_.store, LedgerOfTest()).status());
    ASSERT_OK(WriteFile(places_.config, "a = 1\n"));
    ASSERT_OK(WriteFile(places_.revoked, "# nobody\n"));
    fs::create_directories(places_.records / "tenants");
    ASSERT_OK_AND_ASSIGN(auto db, sqlite::Database::Open(places_.records / "tenants/acme.sqlite"));
    ASSERT_OK(db.Execute("CREATE TABLE t(a INTEGER) STRICT; INSERT INTO t VALUES(7)"));
  }
  fs::path At(const std::string& name) const { return folder_.path() / name; }
  // What a disk that died has left: nothing.
  void LoseAll() {
    fs::remove_all(At("node"));
    ASSERT_OK(MakeNewFolder(At("node")));
  }
  void ExpectRestored() {
    ASSERT_OK_AND_ASSIGN(const StoreCheck check, CheckStore(places_.store));
    EXPECT_TRUE(check.passed());
    EXPECT_EQ(check.head.size, 1u);
    EXPECT_EQ(ReadFile(places_.revoked).value_or(""), "# nobody\n");
    ASSERT_OK_AND_ASSIGN(auto db, sqlite::Database::Open(places_.records / "tenants/acme.sqlite"));
    ASSERT_OK_AND_ASSIGN(auto select, db.Prepare("SELECT a FROM t"));
    ASSERT_TRUE(select.Step().value_or(false));
    EXPECT_EQ(select.Int(0), 7);
    for (const auto& entry : fs::recursive_directory_iterator(At("node")))
      EXPECT_EQ(entry.path().string().find(".restoring"), std::string::npos) << entry.path();
  }

  TestFolder folder_;
  StorePlaces places_;
};

TEST_F(ArchiveTest, WhatWasThereIsThereAgain) {
  ASSERT_OK_AND_ASSIGN(const StoreCheck saved, WriteBackup(places_, At("backup"), "1.0"));
  EXPECT_TRUE(saved.passed());
  EXPECT_THAT(WriteBackup(places_, At("backup"), "1.0"), StatusIs(StatusCode::kAlreadyExists, ""));
  EXPECT_EQ(ReadFile(At("backup/coordinator.toml")).value_or(""), "a = 1\n");
  LoseAll();
  ASSERT_OK(RestoreBackup(places_, At("backup")).status());
  ExpectRestored();
}

TEST_F(ArchiveTest, NothingThatIsThereIsReplaced) {
  ASSERT_OK(WriteBackup(places_, At("backup"), "1.0").status());
  EXPECT_THAT(RestoreBackup(places_, At("backup")),
              StatusIs(StatusCode::kAlreadyExists, "store.db"));
  fs::remove(places_.store);
  ASSERT_OK(WriteFile(places_.records / "tenants/acme.sqlite", "somebody's work"));
  EXPECT_THAT(RestoreBackup(places_, At("backup")),
              StatusIs(StatusCode::kAlreadyExists, "records"));
  EXPECT_FALSE(fs::exists(places_.store));
  fs::remove_all(places_.records);
  ASSERT_OK(WriteFile(places_.revoked, "# newer\n"));
  ASSERT_OK(RestoreBackup(places_, At("backup")).status());
  EXPECT_EQ(ReadFile(places_.revoked).value_or(""), "# newer\n");
}

TEST_F(ArchiveTest, AnAlteredBackupPutsNothingInPlace) {
  ASSERT_OK(WriteBackup(places_, At("backup"), "1.0").status());
  LoseAll();
  ASSERT_OK(WriteFile(At("backup/revoked.txt"), "# other\n"));
  EXPECT_THAT(RestoreBackup(places_, At("backup")), StatusIs(StatusCode::kDataLoss, "manifest"));
  fs::remove(At("backup/manifest.json"));
  EXPECT_THAT(RestoreBackup(places_, At("backup")), StatusIs(StatusCode::kNotFound, "manifest"));
  EXPECT_TRUE(fs::is_empty(At("node")));
}

// Every state that a crash can leave: half a copy beside its place, the records in their place
// and the store not yet, the same with the revocations.
TEST_F(ArchiveTest, ARestoreThatWasCutIsBroughtToItsEnd) {
  ASSERT_OK(WriteBackup(places_, At("backup"), "1.0").status());
  for (int cut = 0; cut < 4; ++cut) {
    SCOPED_TRACE(cut);
    LoseAll();
    ASSERT_OK(WriteFile(At("node/store.db.restoring"), "half a sto"));
    ASSERT_OK(WriteFile(At("node/store.db.restoring-wal"), "half a log"));
    if (cut == 1) {
      fs::create_directories(At("node/records.restoring/tenants"));
      ASSERT_OK(WriteFile(At("node/records.restoring/tenants/acme.sqlite"), "half a ten"));
    }
    if (cut >= 2) fs::copy(At("backup/records"), places_.records, fs::copy_options::recursive);
    if (cut == 3) fs::copy_file(At("backup/revoked.txt"), places_.revoked);
    ASSERT_OK(RestoreBackup(places_, At("backup")).status());
    ExpectRestored();
  }
}

TEST_F(ArchiveTest, ARunningCoordinatorIsAsked) {
  ASSERT_OK_AND_ASSIGN(const auto store, OpenSqliteRunStore(places_.store, LedgerOfTest()));
  EXPECT_FALSE(AnswerBackupRequest(places_.store, *store));
  std::atomic<bool> done{false};
  std::atomic<int> answers{0};
  std::thread serving([&] {
    while (!done) {
      if (const auto copied = AnswerBackupRequest(places_.store, *store)) {
        EXPECT_OK(*copied);
        ++answers;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  });
  const auto check = WriteBackup(places_, At("backup"), "1.0");
  done = true;
  serving.join();
  ASSERT_OK(check.status());
  EXPECT_TRUE(check->passed());
  EXPECT_EQ(answers, 1);
}

}  // namespace
}  // namespace veilsum::coordinator
