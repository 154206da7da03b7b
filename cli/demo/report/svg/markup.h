// Text that is safe inside HTML and SVG, and numbers that do not depend on the locale.
#pragma once

#include <string>
#include <string_view>

namespace veilsum::cli {

// & < > " ' as entities; control characters, which no XML may hold, as U+FFFD.
std::string Escaped(std::string_view text);

// At most `digits` after the point, without trailing zeros: 0.25, 12, -3.1.
std::string Plain(double value, int digits = 2);

}  // namespace veilsum::cli
