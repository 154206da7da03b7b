// operator.toml: how an operator's commands reach the coordinator, and as whom.
#pragma once

#include <filesystem>

#include "client/rpc/grpc_coordinator_link.h"

namespace veilsum::cli {

// [coordinator] address, spiffe_id; [tls] certificate, key, root, passphrase_file (optional).
// Errors name file, line and key.
absl::StatusOr<client::LinkConfig> ReadOperatorConfig(const std::filesystem::path& file);

}  // namespace veilsum::cli
