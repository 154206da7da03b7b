// Whether bytes are UTF-8 (Unicode 15, table 3-7): no overlong forms, no surrogates, nothing above
// U+10FFFF.
#pragma once

#include <string_view>

namespace veilsum::client {

bool IsUtf8(std::string_view text);

}  // namespace veilsum::client
