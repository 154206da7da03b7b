// RunControl over the operators' RPCs, which finds the coordinator again after it was started anew.
#pragma once

#include <memory>

#include "cli/demo/run/run_control.h"
#include "client/rpc/admin_client.h"

namespace veilsum::cli {

// `cancel`: a descriptor that becomes readable when waiting makes no sense any more (-1: none).
// Unavailable when nobody answers within `patience`, which is also how long a lost coordinator may
// take to come back.
absl::StatusOr<std::unique_ptr<RunControl>> ConnectRunControl(const client::LinkConfig& config,
                                                              std::chrono::milliseconds patience,
                                                              int cancel);

}  // namespace veilsum::cli
