#include "secure_agg/arith/gf256.h"

#include "base/status.h"
#include "secure_agg/arith/gf256_kernels.h"

namespace veilsum::secure_agg {

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

const GfKernels& BestGfKernels() {
  static const GfKernels& best = GfniKernels() != nullptr ? *GfniKernels() : PortableGfKernels();
  return best;
}

void GfMultiplyAdd(std::span<std::uint8_t> accumulator, std::uint8_t factor, ByteView addend) {
  VEILSUM_CHECK(accumulator.size() == addend.size());
  BestGfKernels().multiply_add(accumulator.data(), factor, addend.data(), addend.size());
}

void GfAddScaled(std::span<std::uint8_t> accumulator, std::uint8_t factor, ByteView bytes) {
  VEILSUM_CHECK(accumulator.size() == bytes.size());
  BestGfKernels().add_scaled(accumulator.data(), factor, bytes.data(), bytes.size());
}

}  // namespace veilsum::secure_agg
