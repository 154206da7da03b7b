// A PostgreSQL server of this program's own: made, started and removed by it, reached by a socket
// in its folder alone, with a password.
#pragma once

#include <sys/types.h>

#include <string>

#include "coordinator/store/postgres_database.h"
#include "tests/support/temp_folder.h"

namespace veilsum {

// Dies with the thread that started it, so also when a test crashes; its folder then stays.
class PostgresServer {
 public:
  // The program's only one, started by the first call; null, with the reason on stderr, where
  // PostgreSQL's binaries are missing or it cannot be started.
  static PostgresServer* Shared();
  ~PostgresServer();

  // The database, with a schema of that name, which a lease makes.
  coordinator::PostgresPlace Place(const std::string& schema) const;
  std::string password() const { return "only-of-this-test"; }

 private:
  explicit PostgresServer(std::string programs) : programs_(std::move(programs)) {}
  bool Start();
  bool MakeData();
  bool Answers() const;
  pid_t Spawn(const std::string& program, std::vector<std::string> arguments) const;

  const std::string programs_;  // the folder that they are in
  TempFolder folder_;
  pid_t server_ = -1;
};

}  // namespace veilsum
