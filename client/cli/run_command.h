// `veilsum-client run --config FILE [--stay]`: take part in the coordinator's run until it ends,
// and with --stay in each one after it.
#pragma once

#include "client/cli/config.h"

namespace veilsum::client {

// OK when the run has ended, or a signal ended it; with `stay` only then. What Participant::Run
// refuses ends it either way.
absl::Status RunClient(const ClientConfig& config, bool stay);

}  // namespace veilsum::client
