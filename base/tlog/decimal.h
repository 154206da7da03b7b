// Numbers in the text formats of transparency logs.
#pragma once

#include <charconv>

#include "base/status.h"

namespace veilsum::tlog {

// ASCII decimal without sign or leading zeroes, at most 2^63 - 1.
inline absl::StatusOr<std::uint64_t> ParseDecimal(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value >> 63 != 0 ||
      (text.size() > 1 && text.front() == '0'))
    return InvalidArgument("not a decimal number of %d characters", text.size());
  return value;
}

}  // namespace veilsum::tlog
