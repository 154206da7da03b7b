#include "client/serve/intervals.h"

#include <algorithm>
#include <cmath>

namespace veilsum::client {

double StandardErrors(double confidence) {
  double low = 0, high = 40;
  for (int step = 0; step < 100; ++step) {
    const double middle = (low + high) / 2;
    (std::erfc(middle / std::sqrt(2.0)) > 1 - confidence ? low : high) = middle;
  }
  return (low + high) / 2;
}

Interval WilsonShare(std::size_t hits, std::size_t of, double standard_errors) {
  const auto n = static_cast<double>(of);
  const double p = static_cast<double>(hits) / n, z2 = standard_errors * standard_errors;
  const double middle = (p + z2 / (2 * n)) / (1 + z2 / n);
  const double half =
      standard_errors / (1 + z2 / n) * std::sqrt(p * (1 - p) / n + z2 / (4 * n * n));
  return {p, hits == 0 ? 0 : std::max(0.0, middle - half),
          hits == of ? 1 : std::min(1.0, middle + half)};
}

Interval ShareDifference(const Interval& a, const Interval& b) {
  const double value = a.value - b.value;
  return {value, value - std::hypot(a.value - a.low, b.high - b.value),
          value + std::hypot(a.high - a.value, b.value - b.low)};
}

}  // namespace veilsum::client
