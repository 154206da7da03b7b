// FNV-1a, 64 bits (Fowler, Noll, Vo; offset basis and prime of the published 64-bit variant).
// Public hashing of feature values and of the hold-out rule; not a cryptographic hash.
#pragma once

#include <cstdint>
#include <string_view>

namespace veilsum {

constexpr std::uint64_t Fnv1a64(std::string_view text,
                                std::uint64_t state = 0xcbf29ce484222325ULL) {
  for (const char c : text) {
    state ^= static_cast<std::uint8_t>(c);
    state *= 0x100000001b3ULL;
  }
  return state;
}

}  // namespace veilsum
