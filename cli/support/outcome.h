// How a command of the `veilsum` binary ends: a status for the message, an exit code for the caller
// (SE-24).
#pragma once

#include <string>
#include <utility>

#include "base/exit_code.h"

namespace veilsum::cli {

struct Outcome {
  absl::Status status;
  ExitCode exit_code = ExitCode::kDone;

  Outcome() = default;
  // The code that the status stands for.
  Outcome(absl::Status s) : status(std::move(s)), exit_code(ExitCodeOf(status)) {}
  Outcome(absl::Status s, ExitCode code) : status(std::move(s)), exit_code(code) {}
  static Outcome Usage(absl::Status s) { return {std::move(s), ExitCode::kUsage}; }
};

// "veilsum: <message>" on stderr unless the status is OK or has no message. The exit code as an
// int.
int Finish(const Outcome& outcome);

}  // namespace veilsum::cli
