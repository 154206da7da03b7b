// GF(2^8) against long multiplication of polynomials, over the whole table.
#include "secure_agg/arith/gf256.h"

#include <gtest/gtest.h>

namespace veilsum::secure_agg {
namespace {

// Schoolbook: multiply as polynomials over GF(2), then take the remainder by x^8 + x^4 + x^3 + x
// + 1.
std::uint8_t SlowProduct(unsigned a, unsigned b) {
  unsigned product = 0;
  for (unsigned bit = 0; bit < 8; ++bit) {
    if (b >> bit & 1) product ^= a << bit;
  }
  for (int bit = 15; bit >= 8; --bit) {
    if (product >> bit & 1) product ^= 0x11bU << (bit - 8);
  }
  return static_cast<std::uint8_t>(product);
}

TEST(Gf256, MultiplicationTableAgreesWithLongMultiplication) {
  for (unsigned a = 0; a < 256; ++a) {
    Bytes row(256);
    Bytes all(256);
    for (unsigned b = 0; b < 256; ++b) all[b] = static_cast<std::uint8_t>(b);
    GfAddScaled(row, static_cast<std::uint8_t>(a), all);
    for (unsigned b = 0; b < 256; ++b) {
      ASSERT_EQ(GfMultiply(static_cast<std::uint8_t>(a), static_cast<std::uint8_t>(b)),
                SlowProduct(a, b));
      ASSERT_EQ(row[b], SlowProduct(a, b));
    }
  }
}

TEST(Gf256, KnownProductOfFips197) { EXPECT_EQ(GfMultiply(0x57, 0x83), 0xc1); }

TEST(Gf256, EveryElementButZeroHasItsInverse) {
  for (unsigned a = 1; a < 256; ++a) {
    EXPECT_EQ(GfMultiply(static_cast<std::uint8_t>(a), GfInverse(static_cast<std::uint8_t>(a))), 1);
  }
  EXPECT_EQ(GfInverse(0), 0);
}

TEST(Gf256, HornerStepWorksOnEveryLength) {
  for (std::size_t size = 0; size < 20; ++size) {
    Bytes accumulator(size, 0x57);
    const Bytes addend(size, 0x11);
    GfMultiplyAdd(accumulator, 0x83, addend);
    EXPECT_EQ(accumulator, Bytes(size, 0xc1 ^ 0x11));
  }
}

}  // namespace
}  // namespace veilsum::secure_agg
