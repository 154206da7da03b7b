// A numeric axis: a range widened to round numbers, its ticks, and the way from a value to a pixel.
#pragma once

#include <string>
#include <vector>

namespace veilsum::cli {

class Axis {
 public:
  // Covers [lo, hi] with about `ticks` steps of 1, 2 or 5 times a power of ten (Heckbert, Graphics
  // Gems 1990, "Nice numbers for graph labels"). An empty or inverted range is widened around `lo`.
  // Values that are not finite count as 0.
  Axis(double lo, double hi, int ticks);
  // The range as it is, without widening to round numbers; ticks are those that lie inside.
  static Axis Exactly(double lo, double hi, int ticks);

  double lo() const { return lo_; }
  double hi() const { return hi_; }
  std::vector<double> Ticks() const;
  std::string Label(double tick) const;  // as many decimals as the step needs
  // Where `value` lies between 0 and 1; outside the range it is clamped.
  double Place(double value) const;

 private:
  Axis() = default;
  double lo_, hi_, step_;
};

}  // namespace veilsum::cli
