// GF(2^8) with the polynomial x^8 + x^4 + x^3 + x + 1 (0x11B, that of FIPS 197), in constant time:
// no tables.
#pragma once

#include "base/bytes.h"

namespace veilsum::secure_agg {

std::uint8_t GfMultiply(std::uint8_t a, std::uint8_t b);  // constant time in both
std::uint8_t GfInverse(std::uint8_t a);                   // a^254; of 0 it is 0

// accumulator[i] = accumulator[i] * factor + addend[i]: a step of Horner's rule over many bytes at
// once. Constant time in the bytes; `factor` is public (SA-39).
void GfMultiplyAdd(std::span<std::uint8_t> accumulator, std::uint8_t factor, ByteView addend);
// accumulator[i] += factor * bytes[i], `factor` public.
void GfAddScaled(std::span<std::uint8_t> accumulator, std::uint8_t factor, ByteView bytes);

}  // namespace veilsum::secure_agg
