// Half the width of a two-sided 95 % normal interval, in standard errors.
#pragma once

namespace veilsum::dp {

inline constexpr double kTwoSided95 = 1.959964;

}  // namespace veilsum::dp
