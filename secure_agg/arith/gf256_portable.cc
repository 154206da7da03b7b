// GF(2^8) with shifts and masks on eight bytes a word: no table, so nothing secret is an index
// (SA-39).
#include <cstring>

#include "secure_agg/arith/gf256_kernels.h"

namespace veilsum::secure_agg {
namespace {

using Word = std::uint64_t;

// Each byte times x, reduced by 0x11B: where the top bit falls out, 0x1B comes in.
Word TimesX(Word v) {
  const Word carries = (v >> 7) & 0x0101010101010101;
  return ((v & 0x7f7f7f7f7f7f7f7f) << 1) ^ carries ^ (carries << 1) ^ (carries << 3) ^
         (carries << 4);
}

// kWords at a time with a constant count, so that the compiler makes vectors of the inner loops.
template <std::size_t kWords>
void MultiplyAndAdd(const std::uint8_t* a, std::uint8_t factor, const std::uint8_t* b,
                    std::size_t size, std::uint8_t* out) {
  Word power[kWords] = {};  // a times x^0, x^1, ...
  Word sum[kWords] = {};
  std::memcpy(power, a, size);
  std::memcpy(sum, b, size);
  for (unsigned rest = factor; rest != 0; rest >>= 1) {  // steps and branches on the factor only
    if ((rest & 1) != 0) {
      for (std::size_t i = 0; i < kWords; ++i) sum[i] ^= power[i];
    }
    for (std::size_t i = 0; i < kWords; ++i) power[i] = TimesX(power[i]);
  }
  std::memcpy(out, sum, size);
}

// out[i] = a[i] * factor + b[i]; out may be a or b.
void Each(const std::uint8_t* a, std::uint8_t factor, const std::uint8_t* b, std::size_t size,
          std::uint8_t* out) {
  std::size_t at = 0;
  for (; at + 64 <= size; at += 64) MultiplyAndAdd<8>(a + at, factor, b + at, 64, out + at);
  for (; at + 8 <= size; at += 8) MultiplyAndAdd<1>(a + at, factor, b + at, 8, out + at);
  if (at < size) MultiplyAndAdd<1>(a + at, factor, b + at, size - at, out + at);
}

void MultiplyAdd(std::uint8_t* accumulator, std::uint8_t factor, const std::uint8_t* addend,
                 std::size_t size) {
  Each(accumulator, factor, addend, size, accumulator);
}

void AddScaled(std::uint8_t* accumulator, std::uint8_t factor, const std::uint8_t* bytes,
               std::size_t size) {
  Each(bytes, factor, accumulator, size, accumulator);
}

}  // namespace

const GfKernels& PortableGfKernels() {
  static constexpr GfKernels kKernels = {"portable", &MultiplyAdd, &AddScaled};
  return kKernels;
}

}  // namespace veilsum::secure_agg
