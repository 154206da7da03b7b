// Exit codes of every Veilsum program (SE-24). They are part of the command line's contract.
#pragma once

#include "base/status.h"

namespace veilsum {

enum class ExitCode : int {
  kDone = 0,
  kFailed = 1,
  kFindings = 2,    // findings, or wrong data
  kIncomplete = 3,  // evidence incomplete (audit only)
  kUsage = 64,
  kInternal = 70,
  kTryAgain = 75,
  kNotAllowed = 77,
  kConfiguration = 78,
};

ExitCode ExitCodeOf(const absl::Status& status);

}  // namespace veilsum
