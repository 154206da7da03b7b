// `veilsum-coordinator serve --config FILE`: serves one federation until SIGTERM.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/status.h"

namespace veilsum::coordinator {

// coordinator.toml: [federation] name; [listen] address, port_file (optional: where to write
// HOST:PORT once it listens), advertise (what clients dial, when it is another); [tls] certificate,
// key, root, passphrase_file (opens an encrypted key); [store] path, or, for a store that several
// coordinators share, url (postgresql://...), passfile, schema, and [ledger] key; [signing]
// revoked; [limits] max_runs at a time, uploads_admitted, tenant_calls_per_second (twice as many at
// once), tenant_streams, memory_mib of gRPC's buffers (all optional). With [identity] issuer (a
// folder) it lets new nodes in: records (a folder), enroll_address, enroll_advertise, leaf_seconds.
// [metrics] address: HOST:PORT on loopback for Prometheus; [log] format: text or json. Certificates
// and revocations are read again while it runs. `settings` are SECTION.NAME=VALUE and win over the
// environment and the file (base/config/toml_config.h).
absl::Status Serve(const std::filesystem::path& config_file,
                   const std::vector<std::string>& settings = {});

// Reads and checks the configuration and the key files, and starts nothing.
absl::Status CheckConfig(const std::filesystem::path& config_file,
                         const std::vector<std::string>& settings = {});

}  // namespace veilsum::coordinator
