#include "dp/analysis/laplace_loss.h"

#include <algorithm>
#include <cmath>

namespace veilsum::dp {
namespace {

// ln(1 - q + q e^t) and its inverse.
double MixedLog(double q, double t) {
  return t > 30 ? std::log(q) + t + std::log1p((1 - q) / q * std::exp(-t))
                : std::log1p(q * std::expm1(t));
}
double Unmix(double q, double loss) {
  if (q == 1) return loss;
  return loss > 30 ? loss + std::log1p(-(1 - q) * std::exp(-loss)) - std::log(q)
                   : std::log(std::max(0.0, std::expm1(loss) + q) / q);
}

// The pair over t = ln of the unsampled ratio N(1) / N(0), in [-1/b, 1/b] with atoms at both ends;
// replaced customers: the noise's centres are one apart in either direction, t of one is not a
// function of the other's, so that replace-one is its own case.
class LaplacePair {
 public:
  LaplacePair(double q, double scale, Direction direction)
      : q_(q), scale_(scale), direction_(direction) {}
  // Outcomes at which the loss is taken run over [first(), 1], noise centres being 0 and 1 (and -1
  // for replaced customers).
  double first() const { return direction_ == Direction::kReplace ? -1 : 0; }
  double Loss(double x) const {
    switch (direction_) {
      case Direction::kRemove:
        return MixedLog(q_, Ratio(x));
      case Direction::kAdd:
        return -MixedLog(q_, Ratio(1 - x));
      case Direction::kReplace:
        return MixedLog(q_, Ratio(x)) - MixedLog(q_, Ratio(-x));
    }
    return 0;
  }
  // The x in [from, 1] with this loss.
  double Inverse(double loss, double from) const {
    double low = from, high = 1;
    if (Loss(low) >= loss) return low;
    if (Loss(high) <= loss) return high;
    if (direction_ == Direction::kRemove)
      return std::clamp((scale_ * Unmix(q_, loss) + 1) / 2, low, high);
    if (direction_ == Direction::kAdd)
      return std::clamp(1 - (scale_ * Unmix(q_, -loss) + 1) / 2, low, high);
    for (int i = 0; i < 60; ++i) {
      const double middle = (low + high) / 2;
      (Loss(middle) < loss ? low : high) = middle;
    }
    return high;
  }
  // Masses of (from, to), both within [first(), 1], under P and Q; a bound of infinity adds a tail.
  double PMass(double from, double to) const {
    switch (direction_) {
      case Direction::kRemove:
      case Direction::kReplace:
        return (1 - q_) * Mass(0, from, to) + q_ * Mass(1, from, to);
      case Direction::kAdd:
        return Mass(1, from, to);
    }
    return 0;
  }
  double QMass(double from, double to) const {
    switch (direction_) {
      case Direction::kRemove:
        return Mass(0, from, to);
      case Direction::kAdd:
        return (1 - q_) * Mass(1, from, to) + q_ * Mass(0, from, to);
      case Direction::kReplace:
        return (1 - q_) * Mass(0, from, to) + q_ * Mass(-1, from, to);
    }
    return 0;
  }

 private:
  double Ratio(double x) const { return (std::abs(x) - std::abs(x - 1)) / scale_; }
  // Of Laplace noise around `centre`, which is not inside the interval.
  double Mass(double centre, double from, double to) const {
    if (centre <= from)
      return std::exp(-(from - centre) / scale_) * -std::expm1(-(to - from) / scale_) / 2;
    return std::exp(-(centre - to) / scale_) * -std::expm1(-(to - from) / scale_) / 2;
  }
  double q_, scale_;
  Direction direction_;
};

}  // namespace

LossRange RangeOfLaplaceLoss(double sampling_rate, double scale, Direction direction) {
  const LaplacePair pair(sampling_rate, scale, direction);
  return {pair.Loss(pair.first()), pair.Loss(1)};
}

LossDistribution LaplaceLoss(double sampling_rate, double scale, Direction direction, double step) {
  const LaplacePair pair(sampling_rate, scale, direction);
  LossGrid grid(step, pair.Loss(pair.first()), pair.Loss(1));
  grid.AddAtom(pair.PMass(-INFINITY, pair.first()), pair.Loss(pair.first()));
  grid.AddAtom(pair.PMass(1, INFINITY), pair.Loss(1));
  // Cells end at grid points of the loss and, for replaced customers, at the centre between.
  const auto add = [&](double from, double to, std::int64_t index) {
    if (!(to > from)) return;
    const double p = pair.PMass(from, to), q = pair.QMass(from, to);
    const double rise = std::clamp((p - q * std::exp(grid.At(index))) / -std::expm1(-step), 0.0, p);
    grid.AddAt(index + 1, rise);
    grid.AddAt(index, p - rise);
  };
  double from = pair.first();
  for (std::int64_t index = grid.lowest(); index < grid.highest(); ++index) {
    const double to = index + 1 == grid.highest() ? 1 : pair.Inverse(grid.At(index + 1), from);
    if (from < 0 && to > 0) {
      add(from, 0, index);
      add(0, to, index);
    } else {
      add(from, to, index);
    }
    from = to;
  }
  return std::move(grid).Take();
}

}  // namespace veilsum::dp
