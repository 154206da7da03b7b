// One contract for every source of a merchant's rows: CSV, SQLite by query, PostgreSQL by query.
// And what a query, which the plan brings, cannot do.
#include <fstream>

#include "base/config/toml_config.h"
#include "base/secure_rng.h"
#include "base/sqlite/database.h"
#include "client/data/rows.h"
#include "tests/support/postgres_server.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_folder.h"

namespace veilsum::client {
namespace {

using absl::StatusCode;
using testing::HasSubstr;
using testing::Not;

constexpr int kRows = 2500;  // more than two fetches
constexpr char kTable[] =
    "CREATE TABLE orders(who TEXT, amount NUMERIC, note TEXT); INSERT INTO orders VALUES ";

// The values as the databases' SQL and as CSV have them: missing ones, quotes, other scripts.
std::string Note(int i) { return i % 7 == 0 ? "" : i % 5 == 0 ? "it's \"fine\"" : "größer"; }
std::string Insert() {
  std::string sql = kTable;
  for (int i = 0; i < kRows; ++i) {
    const std::string note = i % 7 == 0 ? "NULL" : i % 5 == 0 ? "'it''s \"fine\"'" : "'größer'";
    sql += absl::StrFormat("%s('c%d', %d.25, %s)", i == 0 ? "" : ",", i, i, note);
  }
  return sql;
}

class RowSources : public testing::Test {
 protected:
  void SetUp() override {
    InitialiseCrypto();
    server_ = PostgresServer::Shared();
    if (server_ == nullptr) GTEST_SKIP() << "PostgreSQL's server is not installed here";
    ASSERT_OK_AND_ASSIGN(db_, coordinator::PostgresDatabase::Connect(server_->Place("public")));
    ASSERT_OK(db_->Execute("DROP TABLE IF EXISTS orders; " + Insert()));
    WriteAddress(server_->Place("public").url, server_->Place("public").passfile);
  }
  void WriteAddress(const std::string& url, const std::filesystem::path& passfile) {
    folder_.Write("shop/orders.db", "[database]\nurl = " + TomlQuote(url) +
                                        "\npassfile = " + TomlQuote(passfile.string()) + "\n");
  }
  absl::StatusOr<std::unique_ptr<Rows>> Open(const std::string& query,
                                             const std::string& file = "orders.db") {
    model::Table table;
    table.name = "orders";
    table.file = file;
    table.query = query;
    return OpenRows(table, folder_.path() / "shop");
  }
  static std::vector<std::vector<std::string>> All(Rows& rows) {
    std::vector<std::vector<std::string>> all;
    CsvRow row;
    while (true) {
      const absl::StatusOr<bool> more = rows.Next(row);
      EXPECT_OK(more.status());
      if (!more.ok() || !*more) return all;
      all.push_back(row.fields);
    }
  }
  absl::Status Refusal(const std::string& query) { return Open(query).status(); }

  PostgresServer* server_ = nullptr;
  std::unique_ptr<coordinator::PostgresDatabase> db_;
  TempFolder folder_;
};

TEST_F(RowSources, GiveTheSameRows) {
  {
    ASSERT_OK_AND_ASSIGN(auto db, sqlite::Database::Open(folder_.path() / "shop/orders.sqlite"));
    ASSERT_OK(db.Execute(Insert()));
    std::ofstream csv(folder_.path() / "shop/orders.csv");
    csv << "who,amount,note\n";
    for (int i = 0; i < kRows; ++i) {
      std::string note = Note(i);
      if (note.find('"') != std::string::npos) note = "\"it's \"\"fine\"\"\"";
      csv << "c" << i << "," << i << ".25," << note << "\n";
    }
  }
  const std::string query = "SELECT who, amount, note FROM orders ORDER BY amount";
  ASSERT_OK_AND_ASSIGN(const auto csv, Open("", "orders.csv"));
  ASSERT_OK_AND_ASSIGN(const auto sqlite, Open(query, "orders.sqlite"));
  ASSERT_OK_AND_ASSIGN(const auto postgres, Open(query));
  const auto expected = All(*csv);
  ASSERT_EQ(expected.size(), kRows + 1u);
  EXPECT_EQ(All(*sqlite), expected);
  EXPECT_EQ(All(*postgres), expected);
  EXPECT_EQ(postgres->name(), "shop/orders.db");
}

TEST_F(RowSources, PostgresAnswersOfAnySizeEnd) {
  for (const int count : {0, 1, 999, 1000, 1001, 2000}) {
    ASSERT_OK_AND_ASSIGN(const auto rows,
                         Open(absl::StrFormat("SELECT who FROM orders LIMIT %d", count)));
    EXPECT_EQ(All(*rows).size(), count + 1u);
    CsvRow row;
    ASSERT_OK_AND_ASSIGN(const bool more, rows->Next(row));
    EXPECT_FALSE(more) << "and stay at their end";
  }
}

TEST_F(RowSources, PostgresSeesOneMoment) {
  ASSERT_OK_AND_ASSIGN(const auto rows, Open("SELECT who FROM orders"));
  ASSERT_OK(db_->Execute("DELETE FROM orders"));
  EXPECT_EQ(All(*rows).size(), kRows + 1u);
}

TEST_F(RowSources, PostgresTimesAreIsoAndUtc) {
  ASSERT_OK_AND_ASSIGN(
      const auto rows,
      Open("SELECT timestamp '2026-02-28 12:00:00' AS at, date '2026-03-01' AS day"));
  EXPECT_EQ(All(*rows)[1], (std::vector<std::string>{"2026-02-28 12:00:00", "2026-03-01"}));
}

TEST_F(RowSources, APostgresQueryIsOneThatReads) {
  for (const char* query :
       {"DELETE FROM orders", "INSERT INTO orders VALUES ('x', 1, '') RETURNING who",
        "WITH gone AS (DELETE FROM orders RETURNING who) SELECT who FROM gone",
        "SELECT 1; DELETE FROM orders", "SELECT 1; COMMIT; DELETE FROM orders",
        "COPY orders TO STDOUT", " ", "SELECT * FROM missing",
        "SELECT set_config('transaction_read_only', 'off', false)", "SELECT nextval('numbers')"}) {
    ASSERT_OK(db_->Execute("DROP SEQUENCE IF EXISTS numbers; CREATE SEQUENCE numbers"));
    EXPECT_EQ(Refusal(query).code(), StatusCode::kInvalidArgument) << query;
  }
  ASSERT_OK_AND_ASSIGN(auto count, db_->Prepare("SELECT count(*) FROM orders"));
  ASSERT_OK(count.Step().status());
  EXPECT_EQ(count.Int(0), kRows);
}

TEST_F(RowSources, AMistakeInTheMiddleIsNamedByItsRow) {
  ASSERT_OK_AND_ASSIGN(const auto rows,
                       Open("SELECT 1 / (1500 - n) AS x FROM generate_series(1, 2000) AS n"));
  CsvRow row;
  absl::StatusOr<bool> more = true;
  while (more.ok() && *more) more = rows->Next(row);
  EXPECT_THAT(more,
              StatusIs(StatusCode::kInvalidArgument, "shop/orders.db:1001: division by zero"));
  EXPECT_FALSE(rows->can_continue());
}

TEST_F(RowSources, APasswordIsInNoMessageAndAnAddressIsJudged) {
  const auto refuses = [&](const std::string& url, StatusCode code, const char* why) {
    WriteAddress(url, server_->Place("public").passfile);
    const absl::Status status = Refusal("SELECT 1");
    EXPECT_THAT(status, StatusIs(code, why));
    EXPECT_THAT(std::string(status.message()), Not(HasSubstr("hunter2")));
  };
  refuses("postgresql://a:hunter2@/shop", StatusCode::kInvalidArgument,
          "a password is in shop/orders.db: database.url: move it to a passfile");
  refuses("postgresql://a@db.example/shop", StatusCode::kInvalidArgument, "sslmode=verify-full");
  refuses("postgresql://a@/shop?host=" + folder_.path().string(), StatusCode::kUnavailable,
          "shop/orders.db: ");
  folder_.Write("shop/pass", "*:*:*:veilsum:hunter2\n");
  std::filesystem::permissions(folder_.path() / "shop/pass", std::filesystem::perms::owner_read);
  WriteAddress(server_->Place("public").url, "pass");  // beside the file
  const absl::Status wrong = Refusal("SELECT 1");
  EXPECT_THAT(wrong, StatusIs(StatusCode::kUnavailable, "password authentication failed"));
  EXPECT_THAT(std::string(wrong.message()), Not(HasSubstr("hunter2")));
  folder_.Write("shop/orders.db", "[database]\nurl = \"postgresql:///x\"\nhost = \"y\"\n");
  EXPECT_THAT(Refusal("SELECT 1"), StatusIs(StatusCode::kInvalidArgument, "database.host"));
}

}  // namespace
}  // namespace veilsum::client
