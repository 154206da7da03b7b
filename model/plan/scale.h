// How a number with public bounds is learnt (docs/formats.md, "Features"): [lo, hi] becomes
// [-1, 1]; with log, of sign(x) ln(1 + |x|).
#pragma once

#include "model/plan/plan.h"

namespace veilsum::model {

class Scale {
 public:
  explicit Scale(const Feature& of) : Scale(of.lo, of.hi, of.log) {}
  explicit Scale(const Label& of) : Scale(of.lo, of.hi, of.log) {}

  // Outside the bounds: the nearer one.
  float Encode(double value) const;
  // The inverse; outside [-1, 1] the nearer bound.
  double Decode(double encoded) const;

 private:
  Scale(const Decimal& lo, const Decimal& hi, bool log);
  double Level(double value) const;

  double lo_, hi_;
  bool log_;
};

}  // namespace veilsum::model
