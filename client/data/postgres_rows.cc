#include "client/data/postgres_rows.h"

#include <libpq-fe.h>

#include "base/config/toml_config.h"
#include "base/postgres/address.h"
#include "client/data/utf8.h"

namespace veilsum::client {
namespace {

using Connection = std::unique_ptr<PGconn, void (*)(PGconn*)>;
using Result = std::unique_ptr<PGresult, void (*)(PGresult*)>;

constexpr char kFetch[] = "FETCH FORWARD 1000 FROM veilsum_rows";  // what is in memory at once

// Without parameters, and by the extended protocol: one statement, whatever its text.
Result Ask(PGconn* connection, const std::string& sql) {
  return {PQexecParams(connection, sql.c_str(), 0, nullptr, nullptr, nullptr, nullptr, 0),
          &PQclear};
}

bool Succeeded(const PGresult* result) {
  const ExecStatusType kind = PQresultStatus(result);
  return kind == PGRES_COMMAND_OK || kind == PGRES_TUPLES_OK;
}

absl::Status Failed(PGconn* connection, const PGresult* result, const std::string& name) {
  if (PQstatus(connection) == CONNECTION_BAD)
    return Unavailable("%s: %s", name, PostgresMessage(PQerrorMessage(connection)));
  return InvalidArgument("%s: %s", name,
                         PostgresMessage(PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY)));
}

absl::StatusOr<PostgresAddress> ReadAddress(const std::filesystem::path& file,
                                            const std::string& name) {
  VEILSUM_ASSIGN_OR_RETURN(TomlConfig toml, TomlConfig::Read(file));
  PostgresAddress address;
  address.url = toml.Text("database.url");
  address.passfile = toml.Path("database.passfile", {});
  VEILSUM_RETURN_IF_ERROR(toml.Finish());
  VEILSUM_RETURN_IF_ERROR(CheckPostgresAddress(address, name + ": database.url"));
  return address;
}

absl::StatusOr<Connection> Connect(const PostgresAddress& address, const std::string& name) {
  const std::string passfile = address.passfile.string();
  // A server that is silent for a minute is gone.
  const char* keys[] = {"tcp_user_timeout",
                        "keepalives_idle",
                        "keepalives_interval",
                        "keepalives_count",
                        "connect_timeout",
                        "dbname",
                        "application_name",
                        "client_encoding",
                        passfile.empty() ? nullptr : "passfile",
                        nullptr};
  const char* values[] = {
      "60000",          "30",   "10", "3", "10", address.url.c_str(), "veilsum-client", "UTF8",
      passfile.c_str(), nullptr};
  Connection connection(PQconnectdbParams(keys, values, /*expand_dbname=*/1), &PQfinish);
  if (connection == nullptr) return ResourceExhausted("%s: no memory", name);
  if (PQstatus(connection.get()) != CONNECTION_OK)
    return Unavailable("%s: %s", name, PostgresMessage(PQerrorMessage(connection.get())));
  PQsetNoticeProcessor(
      connection.get(), [](void*, const char*) {}, nullptr);
  return connection;
}

class PostgresRows final : public Rows {
 public:
  PostgresRows(Connection connection, std::string name)
      : connection_(std::move(connection)), name_(std::move(name)) {}

  // The query's text comes from the plan, which others wrote.
  absl::Status Begin(const std::string& query) {
    for (const std::string& sql :
         {std::string("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"),
          std::string("SET LOCAL datestyle = 'ISO, YMD'"),
          std::string("SET LOCAL timezone = 'UTC'"),
          std::string("SET LOCAL statement_timeout = '30min'"),
          "DECLARE veilsum_rows NO SCROLL CURSOR FOR " + query, std::string(kFetch)}) {
      answer_ = Ask(connection_.get(), sql);
      if (!Succeeded(answer_.get())) return Failed(connection_.get(), answer_.get(), name_);
    }
    return absl::OkStatus();
  }

  absl::StatusOr<bool> Next(CsvRow& row) override {
    row.fields.clear();
    row.line = line_;
    const int columns = PQnfields(answer_.get());
    if (line_ == 0) {
      for (int i = 0; i < columns; ++i) row.fields.push_back(PQfname(answer_.get(), i));
      ++line_;
      return true;
    }
    if (at_ == PQntuples(answer_.get())) VEILSUM_RETURN_IF_ERROR(FetchMore());
    if (at_ == PQntuples(answer_.get())) return false;
    ++line_;
    for (int i = 0; i < columns; ++i) {
      row.fields.emplace_back(PQgetvalue(answer_.get(), at_, i),
                              static_cast<std::size_t>(PQgetlength(answer_.get(), at_, i)));
      if (!IsUtf8(row.fields.back())) return InvalidArgument("%s:%d: not UTF-8", name_, row.line);
    }
    ++at_;
    return true;
  }
  bool can_continue() const override { return can_continue_; }
  const std::string& name() const override { return name_; }

 private:
  absl::Status FetchMore() {
    if (at_ == 0) return absl::OkStatus();  // the last answer had no rows
    at_ = 0;
    answer_ = Ask(connection_.get(), kFetch);
    if (Succeeded(answer_.get())) return absl::OkStatus();
    can_continue_ = false;
    return Failed(connection_.get(), answer_.get(), absl::StrFormat("%s:%d", name_, line_));
  }

  Connection connection_;
  const std::string name_;
  Result answer_{nullptr, &PQclear};
  int at_ = 0;  // of the answer's rows
  std::size_t line_ = 0;
  bool can_continue_ = true;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Rows>> OpenPostgresRows(const model::Table& table,
                                                       const std::filesystem::path& file,
                                                       const std::string& name) {
  VEILSUM_ASSIGN_OR_RETURN(const PostgresAddress address, ReadAddress(file, name));
  VEILSUM_ASSIGN_OR_RETURN(Connection connection, Connect(address, name));
  auto rows = std::make_unique<PostgresRows>(std::move(connection), name);
  VEILSUM_RETURN_IF_ERROR(rows->Begin(table.query));
  return std::unique_ptr<Rows>(std::move(rows));
}

}  // namespace veilsum::client
