// How far the rows of one customer may cancel (DP-08), for every engine.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace veilsum::client {

// K of DP-08: the terms of a customer's gradient, T^2 = sum over layers of (sum_r |a~_r|
// |delta_r|)^2, are at most K C after clipping, however they cancel. 8 sqrt(max_rows), at most 64,
// and 1 where there is one row and nothing can. For the 64 rows that a plan may ask for it is at
// least max_rows: rows that are within C one by one are never shortened for cancelling.
inline double CancellationLimit(std::size_t max_rows) {
  return max_rows == 1 ? 1 : std::min(64.0, 8 * std::sqrt(static_cast<double>(max_rows)));
}

}  // namespace veilsum::client
