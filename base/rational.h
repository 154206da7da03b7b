// Exact non-negative rationals: sampling rates and other public constants that enter hashes as
// text.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"

namespace veilsum {

// Always in lowest terms; denominator >= 1.
class Rational {
 public:
  // InvalidArgument when the denominator is 0.
  static absl::StatusOr<Rational> Create(std::uint64_t numerator, std::uint64_t denominator);
  // "a/b", an integer, or a decimal such as "0.005" or "1e-5" (at most 18 digits). InvalidArgument
  // otherwise.
  static absl::StatusOr<Rational> Parse(std::string_view text);

  std::uint64_t numerator() const { return numerator_; }
  std::uint64_t denominator() const { return denominator_; }
  double ToDouble() const {
    return static_cast<double>(numerator_) / static_cast<double>(denominator_);
  }
  std::string ToString() const;  // "a/b", or "a" when b is 1
  friend bool operator==(const Rational&, const Rational&) = default;

 private:
  Rational(std::uint64_t numerator, std::uint64_t denominator)
      : numerator_(numerator), denominator_(denominator) {}
  std::uint64_t numerator_;
  std::uint64_t denominator_;
};

}  // namespace veilsum
