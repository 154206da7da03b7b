// Moments in a merchant's files.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/status.h"

namespace veilsum::client {

inline constexpr std::int64_t kSecondsADay = 86'400;

// Seconds since 1970-01-01 UTC of a whole number of seconds, "2026-11-22", "2026-11-22 01:02:03" or
// "2026-11-22T01:02:03Z" (seconds may be missing); no other time zone, years 1600 to 9999.
// InvalidArgument: `"abc" is not a time ...`.
absl::StatusOr<std::int64_t> ParseTime(std::string_view text);

}  // namespace veilsum::client
