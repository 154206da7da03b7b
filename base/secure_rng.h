// The source of randomness, as a parameter. Production has one: the operating system's CSPRNG.
// A seeded one exists only in tests/support, which product targets cannot link.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "base/secret.h"

namespace veilsum {

class SecureRng {
 public:
  virtual ~SecureRng() = default;
  virtual void Fill(std::span<std::uint8_t> out) = 0;

  template <std::size_t N>
  Secret<N> NewSecret() {
    std::array<std::uint8_t, N> bytes;
    Fill(bytes);
    return Secret<N>(std::span<std::uint8_t, N>(bytes));  // wipes `bytes`
  }
};

// getrandom(2) through libsodium. Thread-safe; never fails once InitialiseCrypto has returned.
class SystemRng final : public SecureRng {
 public:
  void Fill(std::span<std::uint8_t> out) override;
};

// Call once at the start of main and of test programs: libsodium's self-tests, no core dumps of
// secrets.
void InitialiseCrypto();

}  // namespace veilsum
