// Exact reals of a plan. They enter hashes, so they are kept as decimals, never as floating point
// (SE-01).
#pragma once

#include "base/rational.h"

namespace veilsum::model {

// numerator / denominator. For our own constants: the denominator must not be 0.
inline Rational Exactly(std::uint64_t numerator, std::uint64_t denominator = 1) {
  return *Rational::Create(numerator, denominator);
}

// The canonical text: the shortest decimal without exponent ("0.005"), or "a/b" when none is exact.
std::string DecimalText(const Rational& value);

// A signed exact decimal: the public bounds of a feature.
class Decimal {
 public:
  Decimal() : Decimal(false, Exactly(0)) {}
  // "-12", "0.2", "1e-5". InvalidArgument otherwise, fractions included.
  static absl::StatusOr<Decimal> Parse(std::string_view text);
  double ToDouble() const { return negative_ ? -magnitude_.ToDouble() : magnitude_.ToDouble(); }
  std::string ToString() const;
  friend bool operator==(const Decimal&, const Decimal&) = default;

 private:
  Decimal(bool negative, Rational magnitude) : negative_(negative), magnitude_(magnitude) {}
  bool negative_;
  Rational magnitude_;
};

}  // namespace veilsum::model
