// `veilsum-client renew`: fresh certificates for the same keys, now. A node that runs with
// [identity] renew does this by itself; an operator, who has nothing that runs, does it from a
// timer.
#pragma once

#include <filesystem>

#include "base/status.h"

namespace veilsum::client {

// Both write the certificates where the old ones were. Errors of the configuration, the keys, and
// RenewCertificates; the old ones then stay.
absl::Status RenewNode(const std::filesystem::path& client_toml);
absl::Status RenewOperator(const std::filesystem::path& operator_toml);

}  // namespace veilsum::client
