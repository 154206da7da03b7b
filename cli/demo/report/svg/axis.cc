#include "cli/demo/report/svg/axis.h"

#include <algorithm>
#include <cmath>

#include "cli/demo/report/svg/markup.h"

namespace veilsum::cli {
namespace {

double FiniteOrZero(double value) { return std::isfinite(value) ? value : 0; }

double NiceStep(double range, int ticks) {
  const double raw = range / std::max(1, ticks);
  const double power = std::pow(10, std::floor(std::log10(raw)));
  const double fraction = raw / power;
  return power * (fraction < 1.5 ? 1 : fraction < 3.5 ? 2 : fraction < 7.5 ? 5 : 10);
}

}  // namespace

Axis Axis::Exactly(double lo, double hi, int ticks) {
  Axis axis;
  axis.lo_ = FiniteOrZero(lo);
  axis.hi_ = FiniteOrZero(hi);
  if (!(axis.hi_ - axis.lo_ > 1e-12 * std::abs(axis.lo_)))
    axis.hi_ = axis.lo_ + std::max(1e-3, std::abs(axis.lo_) * 0.1);
  axis.step_ = NiceStep(axis.hi_ - axis.lo_, ticks);
  return axis;
}

Axis::Axis(double lo, double hi, int ticks) {
  *this = Exactly(lo, hi, ticks);
  lo_ = std::floor(lo_ / step_ + 1e-9) * step_;
  hi_ = std::ceil(hi_ / step_ - 1e-9) * step_;
}

std::vector<double> Axis::Ticks() const {
  std::vector<double> ticks;
  for (double i = std::ceil(lo_ / step_ - 1e-9); i * step_ <= hi_ + 1e-9 * step_; ++i)
    ticks.push_back(i * step_);
  return ticks;
}

std::string Axis::Label(double tick) const {
  const int digits = std::clamp(static_cast<int>(std::ceil(-std::log10(step_) - 1e-9)), 0, 9);
  return Plain(tick, digits);
}

double Axis::Place(double value) const {
  return std::clamp((FiniteOrZero(value) - lo_) / (hi_ - lo_), 0.0, 1.0);
}

}  // namespace veilsum::cli
