// `veilsum-coordinator serve --config FILE`: serves one federation until SIGTERM.
#pragma once

#include <filesystem>

#include "base/status.h"

namespace veilsum::coordinator {

// coordinator.toml: [federation] name; [listen] address, port_file (optional: where to write
// HOST:PORT once it listens); [tls] certificate, key, root; [store] path; [limits] uploads_admitted
// (optional).
absl::Status Serve(const std::filesystem::path& config_file);

// Reads and checks the configuration and the key files, and starts nothing.
absl::Status CheckConfig(const std::filesystem::path& config_file);

}  // namespace veilsum::coordinator
