#include "dp/mechanism/penalty.h"

namespace veilsum::dp {
namespace {

double SignOf(float x) { return x > 0 ? 1 : x < 0 ? -1 : 0; }

}  // namespace

void AddGradient(const Penalty& penalty, std::span<const float> x, std::span<const float> start,
                 std::span<double> gradient) {
  if (penalty.l1 > 0 || penalty.l2 > 0)
    for (const Penalty::Range& range : penalty.weights)
      for (std::size_t i = range.first; i < range.first + range.size; ++i)
        gradient[i] += penalty.l1 * SignOf(x[i]) + penalty.l2 * static_cast<double>(x[i]);
  if (penalty.proximal > 0)
    for (std::size_t i = 0; i < x.size(); ++i)
      gradient[i] += penalty.proximal * (static_cast<double>(x[i]) - static_cast<double>(start[i]));
}

}  // namespace veilsum::dp
