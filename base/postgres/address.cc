#include "base/postgres/address.h"

#include <libpq-fe.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <memory>

namespace veilsum {
namespace {

bool IsThisMachine(std::string_view host) {
  return host.empty() || host.front() == '/' || host.front() == '@' || host == "localhost" ||
         host == "::1" || host.starts_with("127.");
}

// What libpq takes where the URL says nothing.
std::string_view OrEnvironment(std::string_view value, const char* name) {
  const char* const there = value.empty() ? std::getenv(name) : nullptr;
  return there == nullptr ? value : std::string_view(there);
}

// The hosts of a list, as libpq reads it.
bool AllOnThisMachine(std::string_view hosts) {
  for (;;) {
    const std::size_t comma = hosts.find(',');
    if (!IsThisMachine(hosts.substr(0, comma))) return false;
    if (comma == std::string_view::npos) return true;
    hosts.remove_prefix(comma + 1);
  }
}

absl::Status CheckPassfile(const std::filesystem::path& file) {
  struct stat info {};
  if (stat(file.c_str(), &info) != 0) return NotFound("%s: no such file", file.string());
  if (!S_ISREG(info.st_mode) || (info.st_mode & 077) != 0)
    return InvalidArgument("%s must be a file that only its owner may read (chmod 600)",
                           file.string());
  return absl::OkStatus();
}

}  // namespace

std::string PostgresMessage(const char* text) {
  std::string line = text == nullptr ? "" : text;
  while (!line.empty() && line.back() == '\n') line.pop_back();
  std::ranges::replace(line, '\n', ' ');
  return line;
}

absl::Status CheckPostgresAddress(const PostgresAddress& address, std::string_view what) {
  if (!address.url.starts_with("postgresql://") && !address.url.starts_with("postgres://"))
    return InvalidArgument("%s must begin with postgresql://", what);
  char* message = nullptr;  // it would quote the URL
  const std::unique_ptr<PQconninfoOption, void (*)(PQconninfoOption*)> options(
      PQconninfoParse(address.url.c_str(), &message), &PQconninfoFree);
  PQfreemem(message);
  if (options == nullptr) return InvalidArgument("%s is not a PostgreSQL URL", what);
  std::string_view hosts, addresses, mode;
  for (const PQconninfoOption* option = options.get(); option->keyword != nullptr; ++option) {
    if (option->val == nullptr) continue;
    const std::string_view key = option->keyword;
    if (key == "password" || key == "sslpassword")
      return InvalidArgument("a password is in %s: move it to a passfile", what);
    if (key == "service")
      return InvalidArgument("%s names a service: say its host and options there", what);
    if (key == "host") hosts = option->val;
    if (key == "hostaddr") addresses = option->val;
    if (key == "sslmode") mode = option->val;
  }
  if (std::getenv("PGSERVICE") != nullptr)
    return InvalidArgument("PGSERVICE is set: %s has to say everything itself", what);
  hosts = OrEnvironment(hosts, "PGHOST");
  addresses = OrEnvironment(addresses, "PGHOSTADDR");
  mode = OrEnvironment(mode, "PGSSLMODE");
  if ((!AllOnThisMachine(hosts) || !AllOnThisMachine(addresses)) && mode != "verify-full")
    return InvalidArgument("%s is of another machine and needs sslmode=verify-full", what);
  return address.passfile.empty() ? absl::OkStatus() : CheckPassfile(address.passfile);
}

}  // namespace veilsum
