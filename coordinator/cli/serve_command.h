// `veilsum-coordinator serve --config FILE...`: serves a federation, or several, until SIGTERM.
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
// once), tenant_streams, memory_mib of gRPC's buffers (all optional); [transfer] packages (a
// folder), release_key: releases that plans may start from. With [identity] issuer (a folder) it
// lets new nodes in: records (a folder), enroll_address, enroll_advertise, leaf_seconds.
// [metrics] address: HOST:PORT on loopback for Prometheus; [traces] endpoint: http://HOST:PORT of
// an OpenTelemetry collector on loopback; [log] format: text or json. Certificates and revocations
// are read again while it runs. `settings` are SECTION.NAME=VALUE and win over the environment and
// the file (base/config/toml_config.h). Several files: a federation of each, which share nothing
// but the process (several_configs.h); an error of one names it, and ends the process before any
// serves.
absl::Status Serve(const std::vector<std::filesystem::path>& files,
                   const std::vector<std::string>& settings = {});

// Reads and checks the configurations and the key files, and starts nothing.
absl::Status CheckConfigs(const std::vector<std::filesystem::path>& files,
                          const std::vector<std::string>& settings = {});

}  // namespace veilsum::coordinator
