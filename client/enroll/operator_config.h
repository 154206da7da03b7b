// operator.toml: how an operator's commands reach the coordinator, and as whom.
#pragma once

#include <filesystem>

#include "client/rpc/grpc_coordinator_link.h"

namespace veilsum::client {

struct OperatorConfig {
  LinkConfig link;
  std::filesystem::path certificate;  // the leaf's file, which a renewed one replaces
};

// [coordinator] address, spiffe_id; [tls] certificate, key, root, passphrase_file (optional).
// Errors name file, line and key; those of ReadPassphrase and LoadTlsIdentity.
absl::StatusOr<OperatorConfig> ReadOperatorConfig(const std::filesystem::path& file);

}  // namespace veilsum::client
