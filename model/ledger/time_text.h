// Times as entries and receipts have them: RFC 3339, UTC, milliseconds.
#pragma once

#include <chrono>
#include <ctime>
#include <string>

#include "base/status.h"

namespace veilsum::ledger {

inline std::string TimeText(std::chrono::system_clock::time_point time) {
  const auto ms =
      std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
  const std::time_t seconds = ms / 1000;
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  return absl::StrFormat("%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", utc.tm_year + 1900, utc.tm_mon + 1,
                         utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec, ms % 1000);
}

}  // namespace veilsum::ledger
