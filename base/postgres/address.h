// Where a PostgreSQL server is, and whether a program may go there: judged before any connection.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/status.h"

namespace veilsum {

// The password is in none of this: libpq takes it from `passfile`, PGPASSFILE, PGPASSWORD or
// ~/.pgpass.
struct PostgresAddress {
  std::string url;                 // postgresql://USER@HOST[:PORT][,HOST...]/DATABASE[?...]
  std::filesystem::path passfile;  // in .pgpass's format, readable by its owner only; may be empty
};

// Connects to nobody. InvalidArgument: no such URL, a password in it, a service, a host beyond this
// machine without sslmode=verify-full, or a passfile that others may read; NotFound: there is none.
// What libpq takes from the environment is judged alike. No message quotes the URL, which `what`
// names.
absl::Status CheckPostgresAddress(const PostgresAddress& address, std::string_view what);

// libpq's messages end with a line feed and some have several lines; null: nothing.
std::string PostgresMessage(const char* text);

}  // namespace veilsum
