#include "secure_agg/arith/gf256.h"

#include <algorithm>
#include <cstring>

#include "base/status.h"

namespace veilsum::secure_agg {
namespace {

// Eight field elements in one word: each byte times x, reduced. Masks and shifts only.
std::uint64_t TimesX(std::uint64_t v) {
  const std::uint64_t carries = (v >> 7) & 0x0101010101010101ULL;
  return ((v & 0x7f7f7f7f7f7f7f7fULL) << 1) ^ (carries * 0x1b);
}

std::uint64_t TimesPublic(std::uint64_t v, std::uint8_t factor) {
  std::uint64_t product = 0;
  for (; factor != 0; factor >>= 1, v = TimesX(v)) {
    if ((factor & 1) != 0) product ^= v;  // a branch on the public factor only
  }
  return product;
}

std::uint64_t Load(const std::uint8_t* bytes, std::size_t size) {
  std::uint64_t v = 0;
  std::memcpy(&v, bytes, size);
  return v;
}

}  // namespace

std::uint8_t GfMultiply(std::uint8_t a, std::uint8_t b) {
  unsigned product = 0;
  unsigned shifted = a;
  for (int bit = 0; bit < 8; ++bit) {
    product ^= shifted & (0U - ((b >> bit) & 1U));
    shifted = (shifted << 1) ^ ((0U - (shifted >> 7)) & 0x11bU);
  }
  return static_cast<std::uint8_t>(product);
}

std::uint8_t GfInverse(std::uint8_t a) {
  // a^254 by squaring: 254 = 2 + 4 + 8 + 16 + 32 + 64 + 128 (Fermat: a^255 = 1 for a != 0).
  std::uint8_t power = a;
  std::uint8_t inverse = 1;
  for (int i = 1; i < 8; ++i) {
    power = GfMultiply(power, power);
    inverse = GfMultiply(inverse, power);
  }
  return inverse;
}

void GfMultiplyAdd(std::span<std::uint8_t> accumulator, std::uint8_t factor, ByteView addend) {
  VEILSUM_CHECK(accumulator.size() == addend.size());
  for (std::size_t i = 0; i < accumulator.size(); i += 8) {
    const std::size_t size = std::min<std::size_t>(8, accumulator.size() - i);
    const std::uint64_t v =
        TimesPublic(Load(&accumulator[i], size), factor) ^ Load(&addend[i], size);
    std::memcpy(&accumulator[i], &v, size);
  }
}

void GfAddScaled(std::span<std::uint8_t> accumulator, std::uint8_t factor, ByteView bytes) {
  VEILSUM_CHECK(accumulator.size() == bytes.size());
  for (std::size_t i = 0; i < accumulator.size(); i += 8) {
    const std::size_t size = std::min<std::size_t>(8, accumulator.size() - i);
    const std::uint64_t v =
        Load(&accumulator[i], size) ^ TimesPublic(Load(&bytes[i], size), factor);
    std::memcpy(&accumulator[i], &v, size);
  }
}

}  // namespace veilsum::secure_agg
