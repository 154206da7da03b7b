// The form of a real in contracts and in the ledger, which parties compare as text.
#pragma once

#include <string_view>

namespace veilsum::model {

// (0|[1-9][0-9]*)(.[0-9]+)?(e-?[0-9]+)?, at most 64 bytes. No sign: nothing there is negative.
inline bool IsDecimal(std::string_view text) {
  std::size_t i = 0;
  const auto digits = [&] {
    const std::size_t from = i;
    while (i < text.size() && text[i] >= '0' && text[i] <= '9') ++i;
    return i - from;
  };
  const std::size_t whole = digits();
  if (whole == 0 || (whole > 1 && text[0] == '0')) return false;
  if (i < text.size() && text[i] == '.') {
    ++i;
    if (digits() == 0) return false;
  }
  if (i < text.size() && text[i] == 'e') {
    ++i;
    if (i < text.size() && text[i] == '-') ++i;
    if (digits() == 0) return false;
  }
  return i == text.size() && text.size() <= 64;
}

}  // namespace veilsum::model
