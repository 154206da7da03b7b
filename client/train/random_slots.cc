#include "client/train/random_slots.h"

#include <numeric>

namespace veilsum::client {

std::vector<std::uint32_t> RandomSlots(std::size_t count, std::uint32_t padded, SecureRng& rng) {
  std::vector<std::uint32_t> words(padded), slots(padded);
  const auto draw = [&](std::span<std::uint32_t> some) {
    rng.Fill({reinterpret_cast<std::uint8_t*>(some.data()), some.size_bytes()});
  };
  draw(words);
  std::iota(slots.begin(), slots.end(), 0u);
  for (std::uint32_t i = 0; i < padded; ++i) {
    const std::uint32_t left = padded - i;
    // Lemire 2019: words that would make a remainder more likely are drawn anew.
    while (std::uint32_t{words[i] * left} < -left % left) draw({&words[i], 1});
    std::swap(slots[i], slots[i + (std::uint64_t{words[i]} * left >> 32)]);
  }
  slots.resize(count);
  return slots;
}

}  // namespace veilsum::client
