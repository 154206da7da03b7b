// What a privacy loss is that no bound holds for.
#pragma once

#include <limits>

namespace veilsum::dp {

inline constexpr double kInfinity = std::numeric_limits<double>::infinity();

}  // namespace veilsum::dp
