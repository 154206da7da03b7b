// veilsum-client odometer: what this merchant's customers have paid so far.
#pragma once

#include <filesystem>
#include <string>

#include "base/exit_code.h"

namespace veilsum::client {

// Prints every data epoch and block of the odometer: budget, what is spent, reserved and left; one
// line of JSON with `json`. Changes nothing, and a file that is not there yet is not made.
// kTryAgain while a client has the file open; kConfiguration for a bad configuration; kFindings for
// a corrupt file.
ExitCode RunOdometer(const std::filesystem::path& config_file, bool json);

// Opens the next data epoch (SE-32) and prints it: fresh blocks for customers of whom nobody was
// used before; all contracts of older epochs are closed. Exit codes as above; kUsage without a
// reason.
ExitCode RunOpenEpoch(const std::filesystem::path& config_file, const std::string& reason,
                      bool json);

}  // namespace veilsum::client
