// veilsum-client odometer: what this merchant's customers have paid so far.
#pragma once

#include <filesystem>

#include "base/exit_code.h"

namespace veilsum::client {

// Prints every block of the odometer: budget, what is spent, reserved and left; one line of JSON
// with `json`. Changes nothing, and a file that is not there yet is not made. kTryAgain while a
// client has the file open; kConfiguration for a bad configuration; kFindings for a corrupt file.
ExitCode RunOdometer(const std::filesystem::path& config_file, bool json);

}  // namespace veilsum::client
