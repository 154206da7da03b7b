// Unsigned fixed point with 64 integer and 256 fractional bits: enough to compute 128-bit
// probabilities with room to spare. Every operation truncates, that is errs by less than 2^-256 (a
// product by a few units of it); nothing here is secret.
#pragma once

#include <array>
#include <cstdint>

namespace veilsum::dp {

class FixedPoint {
 public:
  FixedPoint() = default;
  explicit FixedPoint(std::uint64_t integer) { limbs_[4] = integer; }
  // numerator / denominator, denominator > 0.
  static FixedPoint Ratio(std::uint64_t numerator, std::uint64_t denominator) {
    return FixedPoint(numerator).DividedBy(denominator);
  }

  FixedPoint DividedBy(std::uint64_t divisor) const {
    FixedPoint quotient;
    unsigned __int128 rest = 0;
    for (int i = 4; i >= 0; --i) {
      rest = (rest << 64) | limbs_[i];
      quotient.limbs_[i] = static_cast<std::uint64_t>(rest / divisor);
      rest %= divisor;
    }
    return quotient;
  }

  friend FixedPoint operator+(const FixedPoint& a, const FixedPoint& b) {
    FixedPoint sum;
    unsigned __int128 carry = 0;
    for (int i = 0; i < 5; ++i) {
      carry += static_cast<unsigned __int128>(a.limbs_[i]) + b.limbs_[i];
      sum.limbs_[i] = static_cast<std::uint64_t>(carry);
      carry >>= 64;
    }
    return sum;
  }

  friend FixedPoint operator-(const FixedPoint& a, const FixedPoint& b) {  // a >= b
    FixedPoint difference;
    std::uint64_t borrow = 0;
    for (int i = 0; i < 5; ++i) {
      const unsigned __int128 value =
          static_cast<unsigned __int128>(a.limbs_[i]) - b.limbs_[i] - borrow;
      difference.limbs_[i] = static_cast<std::uint64_t>(value);
      borrow = static_cast<std::uint64_t>(value >> 64) & 1;
    }
    return difference;
  }

  friend FixedPoint operator*(const FixedPoint& a,
                              const FixedPoint& b) {  // the product must be below 2^64
    std::array<std::uint64_t, 10> wide{};
    for (int i = 0; i < 5; ++i) {
      unsigned __int128 carry = 0;
      for (int j = 0; j < 5; ++j) {
        carry += static_cast<unsigned __int128>(a.limbs_[i]) * b.limbs_[j] + wide[i + j];
        wide[i + j] = static_cast<std::uint64_t>(carry);
        carry >>= 64;
      }
      wide[i + 5] = static_cast<std::uint64_t>(carry);
    }
    FixedPoint product;
    for (int i = 0; i < 5; ++i) product.limbs_[i] = wide[i + 4];
    return product;
  }

  double ToDouble() const {
    return static_cast<double>(limbs_[4]) + static_cast<double>(limbs_[3]) * 0x1p-64;
  }
  // The fraction's upper and lower 128 bits.
  unsigned __int128 upper() const {
    return (static_cast<unsigned __int128>(limbs_[3]) << 64) | limbs_[2];
  }
  unsigned __int128 lower() const {
    return (static_cast<unsigned __int128>(limbs_[1]) << 64) | limbs_[0];
  }

 private:
  std::array<std::uint64_t, 5> limbs_{};  // least significant first; limbs_[4] is the integer part
};

// e^-x for 0 <= x < 1, by its series.
inline FixedPoint ExpMinus(const FixedPoint& x) {
  FixedPoint positive(1), negative, term(1);
  for (std::uint64_t n = 1; n < 64; ++n) {
    term = (term * x).DividedBy(n);
    if (n % 2 == 1)
      negative = negative + term;
    else
      positive = positive + term;
  }
  return positive - negative;
}

// 1 / x for 1 <= x < 2^32, by Newton's iteration from a double.
inline FixedPoint Reciprocal(const FixedPoint& x) {
  FixedPoint y =
      FixedPoint::Ratio(static_cast<std::uint64_t>(0x1p62 / x.ToDouble()), std::uint64_t{1} << 62);
  for (int i = 0; i < 4; ++i) y = y * (FixedPoint(2) - x * y);
  return y;
}

}  // namespace veilsum::dp
