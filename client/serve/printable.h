// A value of the data in a text for people: a terminal must not obey what a customer typed.
#pragma once

#include <algorithm>
#include <string>

namespace veilsum::client {

// "(empty)" for nothing, "?" for a control character.
inline std::string Printable(std::string value) {
  if (value.empty()) return "(empty)";
  std::ranges::replace_if(
      value, [](char c) { return (c >= 0 && c < ' ') || c == '\x7f'; }, '?');
  return value;
}

}  // namespace veilsum::client
