// GF(2^8) against long multiplication of polynomials, over the whole table.
#include "secure_agg/arith/gf256.h"

#include <gtest/gtest.h>

#include <random>

#include "secure_agg/arith/gf256_kernels.h"

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

// Every path against multiplication one byte at a time: all factors, all lengths around its
// vectors.
class GfKernelsConformance : public testing::TestWithParam<const GfKernels*> {};

TEST_P(GfKernelsConformance, EqualsBytewiseMultiplication) {
  std::mt19937 random(13);
  const auto fill = [&](Bytes& bytes) {
    for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random());
  };
  for (unsigned factor = 0; factor < 256; ++factor) {
    const std::size_t size = factor < 150 ? factor : random() % 1500;
    const std::size_t front = random() % 33;
    Bytes buffer(front + size + 9);
    Bytes other(size);
    fill(buffer);
    fill(other);
    const auto x = static_cast<std::uint8_t>(factor);
    Bytes multiplied = buffer;
    Bytes scaled = buffer;
    for (std::size_t i = 0; i < size; ++i) {
      multiplied[front + i] =
          static_cast<std::uint8_t>(SlowProduct(buffer[front + i], x) ^ other[i]);
      scaled[front + i] ^= SlowProduct(other[i], x);
    }
    Bytes actual = buffer;
    GetParam()->multiply_add(actual.data() + front, x, other.data(), size);
    ASSERT_EQ(actual, multiplied) << factor;
    actual = buffer;
    GetParam()->add_scaled(actual.data() + front, x, other.data(), size);
    ASSERT_EQ(actual, scaled) << factor;
  }
}

std::vector<const GfKernels*> Available() {
  std::vector<const GfKernels*> available = {&PortableGfKernels()};
  if (GfniKernels() != nullptr) available.push_back(GfniKernels());
  return available;
}
INSTANTIATE_TEST_SUITE_P(Paths, GfKernelsConformance, testing::ValuesIn(Available()),
                         [](const auto& param) { return std::string(param.param->name); });

}  // namespace
}  // namespace veilsum::secure_agg
