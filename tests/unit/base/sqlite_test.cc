#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <latch>
#include <thread>

#include "base/file.h"
#include "base/sqlite/database.h"
#include "tests/support/status_matchers.h"
#include "tests/support/test_pki.h"

namespace veilsum::sqlite {
namespace {

using absl::StatusCode;

class DatabaseTest : public testing::Test {
 protected:
  std::filesystem::path file() const { return folder_.path() / "test.db"; }
  std::string Pragma(Database& db, const std::string& name) {
    auto statement = db.Prepare("PRAGMA " + name);
    return statement.ok() && statement->Step().value_or(false) ? statement->Text(0) : "?";
  }
  TestFolder folder_;
};

TEST_F(DatabaseTest, IsDurableAndPrivate) {
  ASSERT_OK_AND_ASSIGN(Database db, Database::Open(file()));
  EXPECT_EQ(Pragma(db, "journal_mode"), "wal");
  EXPECT_EQ(Pragma(db, "synchronous"), "2");  // FULL
  EXPECT_EQ(Pragma(db, "foreign_keys"), "1");
  EXPECT_EQ(Pragma(db, "busy_timeout"), "5000");
  struct stat info;
  ASSERT_EQ(stat(file().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST_F(DatabaseTest, ValuesComeBack) {
  ASSERT_OK_AND_ASSIGN(Database db, Database::Open(file()));
  ASSERT_OK(db.Execute("CREATE TABLE t(a INTEGER, b TEXT, c BLOB) STRICT"));
  ASSERT_OK_AND_ASSIGN(Statement insert, db.Prepare("INSERT INTO t VALUES(?, ?, ?)"));
  const Bytes blob = {0, 1, 0, 255};
  ASSERT_OK(insert.Bind(1, std::uint64_t{0xffffffffffffffff})
                .Bind(2, std::string_view("a\0b", 3))
                .Bind(3, ByteView(blob))
                .Run());
  ASSERT_OK(insert.Bind(1, std::int64_t{-5}).Bind(2, "").Bind(3, ByteView()).Run());
  ASSERT_OK(insert.Run());  // nothing bound: NULL
  ASSERT_OK_AND_ASSIGN(Statement select, db.Prepare("SELECT a, b, c FROM t ORDER BY rowid"));
  ASSERT_THAT(select.Step().value_or(false), true);
  EXPECT_EQ(select.Unsigned(0), 0xffffffffffffffff);
  EXPECT_EQ(select.Text(1), std::string("a\0b", 3));
  EXPECT_EQ(select.Blob(2), blob);
  ASSERT_THAT(select.Step().value_or(false), true);
  EXPECT_EQ(select.Int(0), -5);
  EXPECT_FALSE(select.IsNull(1));
  EXPECT_FALSE(select.IsNull(2));
  ASSERT_THAT(select.Step().value_or(false), true);
  EXPECT_TRUE(select.IsNull(0) && select.IsNull(1) && select.IsNull(2));
  EXPECT_THAT(select.Step().value_or(true), false);
}

TEST_F(DatabaseTest, ATransactionThatIsNotCommittedNeverWas) {
  ASSERT_OK_AND_ASSIGN(Database db, Database::Open(file()));
  ASSERT_OK(db.Execute("CREATE TABLE t(a INTEGER) STRICT"));
  {
    ASSERT_OK_AND_ASSIGN(Transaction transaction, Transaction::Begin(db));
    ASSERT_OK(db.Execute("INSERT INTO t VALUES(1)"));
  }
  ASSERT_OK_AND_ASSIGN(Statement count, db.Prepare("SELECT count(*) FROM t"));
  ASSERT_THAT(count.Step().value_or(false), true);
  EXPECT_EQ(count.Int(0), 0);
}

// Rows of 1 KiB, each commit one of them.
absl::Status AddRow(Database& db) { return db.Execute("INSERT INTO t VALUES(randomblob(1024))"); }

TEST_F(DatabaseTest, ACopyInPartsHasWhatIsCommittedBetweenThem) {
  Database::Options options;
  options.exclusive = true;
  ASSERT_OK_AND_ASSIGN(Database db, Database::Open(file(), options));
  ASSERT_OK(
      db.Execute("CREATE TABLE t(a BLOB) STRICT; WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL "
                 "SELECT i + 1 FROM n WHERE i < 4000) INSERT INTO t SELECT randomblob(1024) "
                 "FROM n"));
  int parts = 0;
  const std::filesystem::path copy = folder_.path() / "copy.db";
  ASSERT_OK(db.BackupTo(copy, [&] {
    ++parts;
    EXPECT_OK(AddRow(db));
    // What is taken back, after some of it was in the log already, is not in the copy.
    if (parts > 2) return;
    EXPECT_OK(db.Execute("PRAGMA cache_size=10; BEGIN IMMEDIATE; UPDATE t SET a = x'00'"));
    EXPECT_OK(db.Execute("ROLLBACK; PRAGMA cache_size=-2000"));
  }));
  EXPECT_GE(parts, 4);
  ASSERT_OK_AND_ASSIGN(Database copied, Database::Open(copy));
  EXPECT_EQ(Pragma(copied, "integrity_check"), "ok");
  ASSERT_OK_AND_ASSIGN(Statement count, copied.Prepare("SELECT count(*), min(length(a)) FROM t"));
  ASSERT_THAT(count.Step().value_or(false), true);
  EXPECT_EQ(count.Int(0), 4000 + parts);
  EXPECT_EQ(count.Int(1), 1024);
}

TEST_F(DatabaseTest, ErrorsHaveTheirCodes) {
  ASSERT_OK_AND_ASSIGN(Database db, Database::Open(file()));
  EXPECT_THAT(db.Prepare("SELEKT"), StatusIs(StatusCode::kInternal, "syntax"));
  ASSERT_OK(db.Execute("CREATE TABLE t(a INTEGER CHECK(a > 0)) STRICT"));
  EXPECT_THAT(db.Execute("INSERT INTO t VALUES(0)"),
              StatusIs(StatusCode::kFailedPrecondition, "CHECK"));
  ASSERT_OK(WriteFile(folder_.path() / "not.db", std::string(4096, 'x')));
  EXPECT_THAT(Database::Open(folder_.path() / "not.db"), StatusIs(StatusCode::kDataLoss, "not.db"));
  EXPECT_THAT(Database::Open(folder_.path() / "no" / "test.db"),
              StatusIs(StatusCode::kUnavailable, "test.db"));
}

TEST_F(DatabaseTest, AnExclusiveDatabaseHasOneOwner) {
  Database::Options options;
  options.exclusive = true;
  options.busy_timeout = std::chrono::milliseconds(1);
  constexpr Migration kFirst[] = {{1, "CREATE TABLE t(a INTEGER) STRICT"}};
  {
    ASSERT_OK_AND_ASSIGN(Database db, Database::Open(file(), options));
    ASSERT_OK(db.Migrate(kFirst));
    EXPECT_THAT(Database::Open(file(), options), StatusIs(StatusCode::kUnavailable, "locked"));
  }
  EXPECT_OK(Database::Open(file(), options));
}

TEST_F(DatabaseTest, ANewFileIsOpenedByManyAtOnce) {
  constexpr Migration kFirst[] = {{1, "CREATE TABLE t(a INTEGER) STRICT"}};
  for (int i = 0; i < 50; ++i) {
    std::latch together(4);
    absl::Status opened[4];
    {
      std::vector<std::jthread> threads;
      for (absl::Status& status : opened)
        threads.emplace_back([&] {
          together.arrive_and_wait();
          auto db = Database::Open(folder_.path() / absl::StrFormat("%d.db", i));
          status = db.ok() ? db->Migrate(kFirst) : db.status();
        });
    }
    for (const absl::Status& status : opened) EXPECT_OK(status);
  }
}

// POSIX takes all locks of a process on a file away when it closes any descriptor of it.
TEST_F(DatabaseTest, ASecondConnectionLeavesTheFirstOnesLocks) {
  int go[2];
  ASSERT_EQ(pipe(go), 0);
  const pid_t child = fork();
  if (child == 0) {
    char byte = 0;
    if (read(go[0], &byte, 1) != 1) _exit(2);
    Database::Options options;
    options.exclusive = true;
    options.busy_timeout = std::chrono::milliseconds(1);
    _exit(absl::IsUnavailable(Database::Open(file(), options).status()) ? 0 : 1);
  }
  ASSERT_OK_AND_ASSIGN(Database first, Database::Open(file()));
  ASSERT_OK(first.Execute("CREATE TABLE t(a INTEGER) STRICT"));
  ASSERT_OK(Database::Open(file()));
  EXPECT_EQ(write(go[1], "g", 1), 1);
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  close(go[0]);
  close(go[1]);
}

TEST_F(DatabaseTest, MigrationsGoForwardOnceAndAreFrozen) {
  constexpr Migration kOne[] = {{1, "CREATE TABLE t(a INTEGER) STRICT"}};
  constexpr Migration kTwo[] = {{1, "CREATE TABLE t(a INTEGER) STRICT"},
                                {2, "ALTER TABLE t ADD COLUMN b TEXT"}};
  constexpr Migration kChanged[] = {{1, "CREATE TABLE t(a INTEGER, z TEXT) STRICT"},
                                    {2, "ALTER TABLE t ADD COLUMN b TEXT"}};
  ASSERT_OK_AND_ASSIGN(Database db, Database::Open(file()));
  ASSERT_OK(db.Migrate(kOne));
  ASSERT_OK(db.Migrate(kOne));
  ASSERT_OK(db.Migrate(kTwo));
  EXPECT_OK(db.Execute("INSERT INTO t(a, b) VALUES(1, 'x')"));
  EXPECT_THAT(db.Migrate(kOne), StatusIs(StatusCode::kFailedPrecondition, "newer"));
  EXPECT_THAT(db.Migrate(kChanged), StatusIs(StatusCode::kFailedPrecondition, "another text"));
}

TEST_F(DatabaseTest, AReadersWorkIsLimited) {
  { ASSERT_OK(Database::Open(file()).status()); }
  ASSERT_OK_AND_ASSIGN(Database db, Database::OpenReadOnly(file(), 10'000'000));
  const auto count_to = [&](const char* end) -> absl::Status {
    VEILSUM_ASSIGN_OR_RETURN(
        Statement count,
        db.Prepare(absl::StrFormat("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n "
                                   "%s) SELECT count(*) FROM n",
                                   end)));
    return count.Run();
  };
  EXPECT_OK(count_to("LIMIT 1000"));
  EXPECT_THAT(count_to(""), StatusIs(StatusCode::kResourceExhausted, "more work"));
  EXPECT_THAT(count_to("LIMIT 1000000"), StatusIs(StatusCode::kResourceExhausted, "more work"))
      << "of all statements together";
}

TEST_F(DatabaseTest, AFailedMigrationLeavesNothing) {
  constexpr Migration kBad[] = {
      {1, "CREATE TABLE t(a INTEGER) STRICT; CREATE TABLE t(a INTEGER) STRICT"}};
  constexpr Migration kGood[] = {{1, "CREATE TABLE t(a INTEGER) STRICT"}};
  ASSERT_OK_AND_ASSIGN(Database db, Database::Open(file()));
  EXPECT_FALSE(db.Migrate(kBad).ok());
  EXPECT_OK(db.Migrate(kGood));
}

}  // namespace
}  // namespace veilsum::sqlite
