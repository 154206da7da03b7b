#include "client/cli/finish.h"

#include <cstdio>

namespace veilsum::client {

ExitCode Finish(const absl::Status& status) {
  if (status.ok()) return ExitCode::kDone;
  std::fprintf(stderr, "veilsum-client: %s\n", std::string(status.message()).c_str());
  const bool input = absl::IsInvalidArgument(status) || absl::IsFailedPrecondition(status) ||
                     absl::IsNotFound(status);
  return input ? ExitCode::kFindings : ExitCodeOf(status);
}

absl::Status PrintResult(const std::string& text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0)
    return Unavailable("stdout cannot be written");
  return absl::OkStatus();
}

}  // namespace veilsum::client
