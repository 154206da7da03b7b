// One session of PostgreSQL for the store's SQL, by libpq: parameters apart from the SQL and in
// binary, every transaction fenced by the term of a lease (postgres_lease.h). The only place that
// calls libpq.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>

#include "coordinator/store/sql_database.h"

struct pg_conn;
struct pg_result;

namespace veilsum::coordinator {

// Where the store is. The password is in none of this: libpq takes it from `passfile`, PGPASSFILE,
// PGPASSWORD or ~/.pgpass.
struct PostgresPlace {
  std::string url;                 // postgresql://USER@HOST[:PORT][,HOST...]/DATABASE[?...]
  std::filesystem::path passfile;  // in .pgpass's format, readable by its owner only; may be empty
  std::string schema = "veilsum";  // of its tables: one federation has one
};

// Connects to nobody. InvalidArgument: no such URL, a password in it, a host beyond this machine
// without sslmode=verify-full, a schema that is not [a-z_][a-z0-9_]*, or a passfile that others may
// read. No message quotes the URL.
absl::Status CheckPostgresPlace(const PostgresPlace& place);

// Errors: Unavailable: no connection, or it broke: whether a commit took place is then unknown.
// FailedPrecondition: a constraint. InvalidArgument: a value that the server refuses. Aborted: the
// term is over. No message holds a value that was bound.
class PostgresDatabase final : public SqlDatabase {
 public:
  // Errors of CheckPostgresPlace; FailedPrecondition: a server before version 14.
  static absl::StatusOr<std::unique_ptr<PostgresDatabase>> Connect(const PostgresPlace& place);
  ~PostgresDatabase() override;

  // From now on each transaction first sees that `term` is still the cluster's, and holds it there
  // until it ends. `lost` is called, under whatever lock its caller has, when that fails or the
  // connection breaks: from then on nothing that this process knows of the store is certain.
  // `on_commit`: how long a committed transaction took. Both may be null.
  void Fence(std::uint64_t term, std::function<void(const absl::Status&)> lost,
             std::function<void(std::chrono::nanoseconds)> on_commit);

  absl::StatusOr<SqlStatement> Prepare(std::string_view sql) override;
  absl::Status Begin() override;
  absl::Status Commit() override;
  void Rollback() override;
  absl::Status Execute(const std::string& sql);  // one or more statements; results are dropped

 private:
  friend class PostgresCursor;
  using Result = std::unique_ptr<pg_result, void (*)(pg_result*)>;
  explicit PostgresDatabase(pg_conn* connection);
  absl::Status SetUp(const PostgresPlace& place);
  // OK when the result has rows or needs none; reports a broken connection.
  absl::Status StatusOf(const pg_result* result, std::string_view action);
  absl::Status Lost(absl::Status status);

  std::unique_ptr<pg_conn, void (*)(pg_conn*)> connection_;
  std::uint64_t term_ = 0;  // 0: not fenced
  std::function<void(const absl::Status&)> lost_;
  std::function<void(std::chrono::nanoseconds)> on_commit_;
  std::chrono::steady_clock::time_point began_{};
};

}  // namespace veilsum::coordinator
