#include "client/data/times.h"

#include <charconv>
#include <chrono>

#include "client/data/feature_encoder.h"

namespace veilsum::client {
namespace {

// Takes `digits` digits from the front of `text`; -1 when they are not there.
int TakeNumber(std::string_view& text, std::size_t digits) {
  int value = 0;
  if (text.size() < digits) return -1;
  for (std::size_t i = 0; i < digits; ++i) {
    if (text[i] < '0' || text[i] > '9') return -1;
    value = 10 * value + (text[i] - '0');
  }
  text.remove_prefix(digits);
  return value;
}

bool Take(std::string_view& text, std::string_view any_of) {
  if (text.empty() || any_of.find(text.front()) == any_of.npos) return false;
  text.remove_prefix(1);
  return true;
}

// False unless `text` is a date and perhaps a time of day.
bool ReadDate(std::string_view text, std::int64_t& seconds) {
  const int year = TakeNumber(text, 4);
  if (!Take(text, "-")) return false;
  const int month = TakeNumber(text, 2);
  if (!Take(text, "-")) return false;
  const int day = TakeNumber(text, 2);
  if (year < 1600 || month < 1 || day < 1) return false;
  const std::chrono::year_month_day date{std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok()) return false;
  seconds = std::chrono::sys_days(date).time_since_epoch().count() * kSecondsADay;
  if (text.empty()) return true;
  if (!Take(text, " T")) return false;
  const int hour = TakeNumber(text, 2);
  if (!Take(text, ":")) return false;
  const int minute = TakeNumber(text, 2);
  const int second = Take(text, ":") ? TakeNumber(text, 2) : 0;
  Take(text, "Z");
  seconds += hour * 3600 + minute * 60 + second;
  return text.empty() && hour >= 0 && hour < 24 && minute >= 0 && minute < 60 && second >= 0 &&
         second < 60;
}

}  // namespace

absl::StatusOr<std::int64_t> ParseTime(std::string_view text) {
  constexpr std::int64_t kFurthest = 253'402'300'800;  // the year 10000
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error == std::errc() && end == text.data() + text.size() && seconds > -kFurthest &&
      seconds < kFurthest)
    return seconds;
  if (ReadDate(text, seconds)) return seconds;
  return InvalidArgument(
      "%s is not a time, must be seconds since 1970 or like 2026-11-22 01:02:03 (UTC)",
      Quote(text));
}

}  // namespace veilsum::client
