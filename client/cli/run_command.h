// `veilsum-client run --config FILE`: take part in the coordinator's run until it ends.
#pragma once

#include <filesystem>

#include "base/status.h"

namespace veilsum::client {

absl::Status RunClient(const std::filesystem::path& config_file);

}  // namespace veilsum::client
