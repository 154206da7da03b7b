// coordinator.toml, as serve_command.h lists it.
#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "base/observe/log.h"
#include "coordinator/cli/own_identity.h"
#include "coordinator/store/postgres_database.h"

namespace veilsum::coordinator {

struct CoordinatorConfig {
  std::filesystem::path file;  // where this was read
  std::string federation, listen, advertise, enroll_listen, enroll_advertise;
  std::filesystem::path port_file, store, ledger_key, revoked, issuer, records;
  std::filesystem::path releases;  // a rollout's folder, handed out to clients; empty: none
  // Releases that runs may start from, and the public key that signs them; empty: none.
  std::filesystem::path transfer_packages, transfer_key;
  PostgresPlace shared;  // its url is empty: the store is the file `store`, for this node alone
  IdentityFiles tls;
  std::chrono::seconds leaf_lifetime{};
  int uploads_admitted = 4;
  std::size_t max_runs = 4;
  std::int64_t tenant_calls = 200, tenant_streams = 64, memory_mib = 1024;
  std::string metrics;  // HOST:PORT; empty: none
  std::string traces;   // http://HOST:PORT of a collector; empty: none
  LogFormat log = LogFormat::kText;
};

// Accepted or refused as a whole: NotFound or InvalidArgument names file, line and key. `settings`
// as TomlConfig::Read takes them.
absl::StatusOr<CoordinatorConfig> ReadCoordinatorConfig(
    const std::filesystem::path& file, const std::vector<std::string>& settings = {});

}  // namespace veilsum::coordinator
