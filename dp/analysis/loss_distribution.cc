#include "dp/analysis/loss_distribution.h"

#include <algorithm>
#include <cmath>

namespace veilsum::dp {
namespace {

// 1 - e^-x; the series is what most calls need, to a relative 1e-15.
double OneMinusExp(double x) {
  if (std::abs(x) > 1e-3) return -std::expm1(-x);
  return x * (1 - x / 2 * (1 - x / 3 * (1 - x / 4 * (1 - x / 5))));
}

}  // namespace

double UpperShare(double loss, double low, double step) {
  return std::clamp(OneMinusExp(loss - low) / OneMinusExp(step), 0.0, 1.0);
}

LossGrid::LossGrid(double step, double least, double most) {
  const auto low = static_cast<std::int64_t>(std::floor(least / step));
  const auto high = std::max(low + 1, static_cast<std::int64_t>(std::ceil(most / step)));
  out_ = {step, low, std::vector<double>(static_cast<std::size_t>(high - low + 1)), 0};
}

void LossGrid::AddAtom(double mass, double loss) {
  const auto index = static_cast<std::int64_t>(std::floor(loss / out_.step));
  if (index < lowest()) return AddAt(lowest(), mass);
  if (index >= highest()) {
    if (loss <= At(highest()) * (1 + 1e-15)) return AddAt(highest(), mass);
    return AddInfinity(mass);
  }
  const double up = mass * UpperShare(loss, At(index), out_.step);
  AddAt(index + 1, up);
  AddAt(index, mass - up);
}

}  // namespace veilsum::dp
