#include "model/plan/scale.h"

namespace veilsum::model {

Scale::Scale(const Decimal& lo, const Decimal& hi, bool log)
    : lo_(lo.ToDouble()), hi_(hi.ToDouble()), log_(log) {}

double Scale::Level(double value) const {
  return log_ ? std::copysign(std::log1p(std::abs(value)), value) : value;
}

float Scale::Encode(double value) const {
  const double low = Level(lo_);
  const double share = (Level(std::clamp(value, lo_, hi_)) - low) / (Level(hi_) - low);
  return static_cast<float>(std::clamp(2 * share - 1, -1.0, 1.0));
}

double Scale::Decode(double encoded) const {
  const double low = Level(lo_), high = Level(hi_);
  const double level = low + (std::clamp(encoded, -1.0, 1.0) + 1) / 2 * (high - low);
  return log_ ? std::copysign(std::expm1(std::abs(level)), level) : level;
}

}  // namespace veilsum::model
