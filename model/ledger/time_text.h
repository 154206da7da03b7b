// Times as entries and receipts have them: RFC 3339, UTC, milliseconds.
#pragma once

#include <algorithm>
#include <chrono>
#include <ctime>
#include <string>
#include <string_view>

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

// "2026-11-21T20:00:00.000Z": month 01 to 12, day 01 to 31, hour to 23, minute to 59, second to 60;
// how many days a month has is not looked at.
inline bool IsTimeText(std::string_view text) {
  constexpr std::string_view kForm = "0000-00-00T00:00:00.000Z";
  if (text.size() != kForm.size() || !std::ranges::equal(text, kForm, [](char c, char form) {
        return form == '0' ? c >= '0' && c <= '9' : c == form;
      }))
    return false;
  const auto within = [&](std::size_t at, std::string_view least, std::string_view most) {
    return text.substr(at, 2) >= least && text.substr(at, 2) <= most;
  };
  return within(5, "01", "12") && within(8, "01", "31") && within(11, "00", "23") &&
         within(14, "00", "59") && within(17, "00", "60");
}

}  // namespace veilsum::ledger
