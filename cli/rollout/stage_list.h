// The stages of a rollout as an operator types them.
#pragma once

#include <string_view>
#include <vector>

#include "coordinator/rollout/rollout.h"

namespace veilsum::cli {

// "90s", "15m", "4h", "2d", "0": at most 365 days. InvalidArgument naming the text.
absl::StatusOr<coordinator::Seconds> ParseDuration(std::string_view text);
// "1:4h,5:12h,25:24h": percent and the least time on it, percents from 1 to 99 and rising, at most
// 16 of them; "none": no steps. InvalidArgument naming the step.
absl::StatusOr<std::vector<coordinator::CanaryStep>> ParseSteps(std::string_view text);

}  // namespace veilsum::cli
