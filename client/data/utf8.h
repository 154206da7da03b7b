// Whether bytes are UTF-8 (Unicode 15, table 3-7): no overlong forms, no surrogates, nothing above
// U+10FFFF.
#pragma once

#include <string>
#include <string_view>

namespace veilsum::client {

bool IsUtf8(std::string_view text);

inline constexpr char32_t kNotUtf8 = 0xffffffff;
// The code point at text[at], and `at` moved behind it; kNotUtf8 where none starts. at <
// text.size().
char32_t NextCodePoint(std::string_view text, std::size_t& at);
// Appends a code point that is one (at most U+10FFFF, no surrogate).
void AppendUtf8(char32_t c, std::string& to);

}  // namespace veilsum::client
