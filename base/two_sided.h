// Half the width of a two-sided 95 % normal interval, in standard errors.
#pragma once

namespace veilsum {

inline constexpr double kTwoSided95 = 1.959963984540054;

}  // namespace veilsum
