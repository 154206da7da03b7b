// The configurations of the federations that one process serves.
#pragma once

#include "coordinator/cli/config.h"

namespace veilsum::coordinator {

// One of each file. Errors of ReadCoordinatorConfig; InvalidArgument: two would share something
// (CheckDistinct). `settings` are of all of them.
absl::StatusOr<std::vector<CoordinatorConfig>> ReadCoordinatorConfigs(
    const std::vector<std::filesystem::path>& files, const std::vector<std::string>& settings);

// InvalidArgument naming both and what they share: name, store, ledger key, TLS key or certificate,
// issuer, records, port file, or an address to listen on.
absl::Status CheckDistinct(const std::vector<CoordinatorConfig>& configs);

// Unavailable: somebody listens on one of its addresses already.
absl::Status CheckAddressesFree(const CoordinatorConfig& config);

}  // namespace veilsum::coordinator
