// `veilsum-client run --config FILE`: take part in the coordinator's run until it ends.
#pragma once

#include "client/cli/config.h"

namespace veilsum::client {

absl::Status RunClient(const ClientConfig& config);

}  // namespace veilsum::client
