// How a command ends that reads a release and a merchant's rows (SE-24).
#pragma once

#include <string>

#include "base/exit_code.h"

namespace veilsum::client {

// An error becomes "veilsum-client: <message>" on stderr. kFindings: what it was given is wrong or
// is not there (InvalidArgument, FailedPrecondition, NotFound); else what ExitCodeOf says.
ExitCode Finish(const absl::Status& status);

// All of `text` on stdout. Unavailable: it cannot be written.
absl::Status PrintResult(const std::string& text);

}  // namespace veilsum::client
