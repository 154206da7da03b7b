#include "coordinator/store/postgres_database.h"

#include <arpa/inet.h>
#include <endian.h>
#include <libpq-fe.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "base/postgres/address.h"

namespace veilsum::coordinator {
namespace {

constexpr Oid kInt8 = 20, kBytea = 17;  // as pg_type.dat numbers them, for good
constexpr int kOldest = 140000;         // idle_session_timeout came with it

absl::Status Refused(std::string_view state, std::string_view action, const std::string& message) {
  const std::string_view kind = state.substr(0, std::min<std::size_t>(2, state.size()));
  if (kind == "23") return FailedPrecondition("%s: %s", action, message);
  if (kind == "22") return InvalidArgument("%s: %s", action, message);
  if (kind == "40" || kind == "55") return Aborted("%s: %s", action, message);
  if (kind == "53") return ResourceExhausted("%s: %s", action, message);
  if (kind == "08" || kind == "57") return Unavailable("%s: %s", action, message);
  if (kind == "28") return Unauthenticated("%s: %s", action, message);
  return Internal("%s: %s (%s)", action, message, state);
}

bool IsSchemaName(std::string_view name) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; };
  return !name.empty() && name.size() < 64 && letter(name[0]) && !name.starts_with("pg_") &&
         std::ranges::all_of(name, [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

}  // namespace

absl::Status CheckPostgresPlace(const PostgresPlace& place) {
  VEILSUM_RETURN_IF_ERROR(CheckPostgresAddress({place.url, place.passfile}, "the store's address"));
  if (!IsSchemaName(place.schema))
    return InvalidArgument("the store's schema is \"%s\", must be [a-z_][a-z0-9_]*", place.schema);
  return absl::OkStatus();
}

// Executed by the first Step; all rows are then here.
class PostgresCursor final : public SqlCursor {
 public:
  PostgresCursor(PostgresDatabase& db, std::string sql) : db_(db), sql_(std::move(sql)) {}

  void BindInt(int parameter, std::int64_t value) override {
    const std::uint64_t big = htobe64(static_cast<std::uint64_t>(value));
    Parameter& to = At(parameter);
    to.owned.assign(reinterpret_cast<const char*>(&big), sizeof big);
    to.type = kInt8;
  }
  void BindText(int parameter, std::string_view text) override {
    At(parameter).owned = text;  // type 0: that of its place, text or json
  }
  void BindBlob(int parameter, ByteView blob, bool borrowed) override {
    Parameter& to = At(parameter);
    to.type = kBytea;
    if (borrowed)
      to.borrowed = blob;
    else
      to.owned.assign(reinterpret_cast<const char*>(blob.data()), blob.size());
  }

  absl::StatusOr<bool> Step() override {
    if (result_ == nullptr) VEILSUM_RETURN_IF_ERROR(Run());
    return ++row_ < PQntuples(result_.get());
  }
  void Reset() override {
    result_.reset();
    parameters_.clear();
    row_ = -1;
  }

  std::int64_t Int(int column) const override {
    const auto* data = reinterpret_cast<const unsigned char*>(Data(column));
    const int length = Length(column);
    if (length == 0) return 0;
    std::uint64_t value = (data[0] & 0x80) != 0 ? ~std::uint64_t{0} : 0;  // the sign of an int4
    for (int i = 0; i < length; ++i) value = value << 8 | data[i];
    return static_cast<std::int64_t>(value);
  }
  std::string Text(int column) const override {
    return std::string(Data(column), static_cast<std::size_t>(Length(column)));
  }
  Bytes Blob(int column) const override {
    const auto* data = reinterpret_cast<const std::uint8_t*>(Data(column));
    return Bytes(data, data + Length(column));
  }
  bool IsNull(int column) const override { return PQgetisnull(result_.get(), row_, column) != 0; }

 private:
  struct Parameter {
    std::string owned;
    ByteView borrowed;
    Oid type = 0;
    bool bound = false;
  };
  Parameter& At(int parameter) {
    if (parameters_.size() < static_cast<std::size_t>(parameter))
      parameters_.resize(static_cast<std::size_t>(parameter));
    Parameter& to = parameters_[static_cast<std::size_t>(parameter) - 1];
    to = Parameter();
    to.bound = true;
    return to;
  }
  const char* Data(int column) const { return PQgetvalue(result_.get(), row_, column); }
  int Length(int column) const { return PQgetlength(result_.get(), row_, column); }

  absl::Status Run() {
    std::vector<Oid> types;
    std::vector<const char*> values;
    std::vector<int> lengths;
    for (const Parameter& each : parameters_) {
      const bool there = each.borrowed.data() != nullptr;
      types.push_back(each.type);
      values.push_back(!each.bound ? nullptr
                       : there     ? reinterpret_cast<const char*>(each.borrowed.data())
                                   : each.owned.data());
      lengths.push_back(static_cast<int>(there ? each.borrowed.size() : each.owned.size()));
    }
    const std::vector<int> formats(values.size(), 1);  // binary, as the results are
    result_.reset(PQexecParams(db_.connection_.get(), sql_.c_str(), static_cast<int>(values.size()),
                               types.data(), values.data(), lengths.data(), formats.data(),
                               /*resultFormat=*/1));
    row_ = -1;
    const absl::Status status = db_.StatusOf(result_.get(), "postgresql");
    if (!status.ok()) result_.reset();
    return status;
  }

  PostgresDatabase& db_;
  const std::string sql_;
  std::vector<Parameter> parameters_;
  PostgresDatabase::Result result_{nullptr, &PQclear};
  int row_ = -1;
};

PostgresDatabase::PostgresDatabase(pg_conn* connection) : connection_(connection, &PQfinish) {}
PostgresDatabase::~PostgresDatabase() = default;

absl::StatusOr<std::unique_ptr<PostgresDatabase>> PostgresDatabase::Connect(
    const PostgresPlace& place) {
  VEILSUM_RETURN_IF_ERROR(CheckPostgresPlace(place));
  const std::string passfile = place.passfile.string();
  // What stands before dbname the URL may change.
  const char* keys[] = {"connect_timeout",
                        "tcp_user_timeout",
                        "keepalives_idle",
                        "keepalives_interval",
                        "keepalives_count",
                        "dbname",
                        "application_name",
                        "client_encoding",
                        "target_session_attrs",
                        passfile.empty() ? nullptr : "passfile",
                        nullptr};
  const char* values[] = {
      "5",
      "4000",  // with the lease's ping of 1 s: a leader that is cut off knows within 5 s
      "3",
      "2",
      "2",
      place.url.c_str(),
      "veilsum-coordinator",
      "UTF8",
      "read-write",
      passfile.c_str(),
      nullptr};
  std::unique_ptr<PostgresDatabase> db(
      new PostgresDatabase(PQconnectdbParams(keys, values, /*expand_dbname=*/1)));
  pg_conn* const connection = db->connection_.get();
  if (connection == nullptr || PQstatus(connection) != CONNECTION_OK)
    return Unavailable("postgresql: %s", connection == nullptr
                                             ? "no memory"
                                             : PostgresMessage(PQerrorMessage(connection)));
  VEILSUM_RETURN_IF_ERROR(db->SetUp(place));
  return db;
}

absl::Status PostgresDatabase::SetUp(const PostgresPlace& place) {
  if (const int version = PQserverVersion(connection_.get()); version < kOldest)
    return FailedPrecondition("postgresql: the server is of version %d, must be 14 or later",
                              version / 10000);
  PQsetNoticeProcessor(
      connection_.get(), [](void*, const char*) {}, nullptr);
  // A process that stands still in the middle of a transaction keeps nobody waiting for long.
  VEILSUM_RETURN_IF_ERROR(
      Execute("SET search_path = " + place.schema +
              "; SET idle_in_transaction_session_timeout = '5s'; SET lock_timeout = '10s'; "
              "SET statement_timeout = '60s'; SET idle_session_timeout = 0"));
  VEILSUM_ASSIGN_OR_RETURN(SqlStatement commits,
                           Prepare("SELECT current_setting('synchronous_commit') = 'off'"));
  VEILSUM_RETURN_IF_ERROR(commits.Step().status());
  return commits.Int(0) != 0 ? Execute("SET synchronous_commit = on") : absl::OkStatus();
}

void PostgresDatabase::Fence(std::uint64_t term, std::function<void(const absl::Status&)> lost,
                             std::function<void(std::chrono::nanoseconds)> on_commit) {
  term_ = term;
  lost_ = std::move(lost);
  on_commit_ = std::move(on_commit);
}

absl::Status PostgresDatabase::Lost(absl::Status status) {
  if (lost_) lost_(status);
  return status;
}

absl::Status PostgresDatabase::StatusOf(const pg_result* result, std::string_view action) {
  const ExecStatusType kind = PQresultStatus(result);
  if (kind == PGRES_COMMAND_OK || kind == PGRES_TUPLES_OK) return absl::OkStatus();
  if (PQstatus(connection_.get()) == CONNECTION_BAD)
    return Lost(Unavailable("%s: the connection is lost: %s", action,
                            PostgresMessage(PQerrorMessage(connection_.get()))));
  const char* state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  return Refused(state == nullptr ? "" : state, action,
                 PostgresMessage(PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY)));
}

absl::StatusOr<SqlStatement> PostgresDatabase::Prepare(std::string_view sql) {
  return SqlStatement(std::make_unique<PostgresCursor>(*this, std::string(sql)));
}

absl::Status PostgresDatabase::Execute(const std::string& sql) {
  const Result result(PQexec(connection_.get(), sql.c_str()), &PQclear);
  return StatusOf(result.get(), "postgresql");
}

// The row is locked against the next election, which waits for what is under way; what comes after
// it finds another term here. READ COMMITTED reads the row as it is when the lock is had.
absl::Status PostgresDatabase::Begin() {
  began_ = std::chrono::steady_clock::now();
  if (term_ == 0) return Execute("BEGIN ISOLATION LEVEL READ COMMITTED");
  const Result row(PQexec(connection_.get(),
                          "BEGIN ISOLATION LEVEL READ COMMITTED; "
                          "SELECT term FROM cluster WHERE id = 1 FOR SHARE"),
                   &PQclear);
  absl::Status status = StatusOf(row.get(), "postgresql: fence");
  if (status.ok()) {
    const std::string now = PQntuples(row.get()) == 1 ? PQgetvalue(row.get(), 0, 0) : "none";
    if (now == std::to_string(term_)) return absl::OkStatus();
    status = Lost(Aborted("no longer leader: term %d is over, it is %s", term_, now));
  }
  Rollback();
  return status;
}

absl::Status PostgresDatabase::Commit() {
  const Result result(PQexec(connection_.get(), "COMMIT"), &PQclear);
  VEILSUM_RETURN_IF_ERROR(StatusOf(result.get(), "postgresql: commit"));
  // A transaction in which a statement failed is rolled back by it, without an error.
  if (std::string_view(PQcmdStatus(const_cast<pg_result*>(result.get()))) != "COMMIT")
    return Aborted("postgresql: the transaction had failed already");
  if (on_commit_) on_commit_(std::chrono::steady_clock::now() - began_);
  return absl::OkStatus();
}

void PostgresDatabase::Rollback() {
  if (PQtransactionStatus(connection_.get()) != PQTRANS_IDLE) Execute("ROLLBACK").IgnoreError();
}

}  // namespace veilsum::coordinator
