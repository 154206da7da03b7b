// Exactly uniform whole numbers from 64-bit words, by rejection: words past the last whole multiple
// of the bound are drawn again, so that no remainder is likelier than another.
#pragma once

#include <array>
#include <concepts>
#include <cstdint>
#include <cstring>

#include "base/secure_rng.h"

namespace veilsum {

// Uniform in [0, bound), bound at least 1, from `next`, which returns uniform 64-bit words. How
// many it takes is independent of the result.
template <std::invocable NextWord>
std::uint64_t UniformBelow(std::uint64_t bound, NextWord&& next) {
  const std::uint64_t excess = (~std::uint64_t{0} % bound + 1) % bound;  // 2^64 mod bound
  for (;;)
    if (const std::uint64_t word = next(); word <= ~std::uint64_t{0} - excess) return word % bound;
}

inline std::uint64_t UniformBelow(std::uint64_t bound, SecureRng& rng) {
  return UniformBelow(bound, [&rng] {
    std::array<std::uint8_t, 8> bytes;
    rng.Fill(bytes);
    std::uint64_t word;
    std::memcpy(&word, bytes.data(), sizeof word);
    return word;
  });
}

}  // namespace veilsum
