// `veilsum-client preflight --config FILE [--json]`: are this merchant's data fit for the plan?
// Nothing leaves the machine.
#pragma once

#include <filesystem>

#include "base/exit_code.h"

namespace veilsum::client {

// Prints {"eligible":true,"size_class":N}, {"eligible":false,"reason":"..."} (too few customers;
// exit 0) or
// {"eligible":false,"data_error":"file:line: ..."} (exit 2); the same in words without `json`.
ExitCode RunPreflight(const std::filesystem::path& config_file, bool json);

// With --node: the checks of node_checks.h, a line each; exit 2 when one has a fault.
ExitCode RunNodePreflight(const std::filesystem::path& config_file);

}  // namespace veilsum::client
