// N bytes of key material: moved, never copied; wiped on move and on destruction; compared in
// constant time; unprintable.
#pragma once

#include <sodium.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>

namespace veilsum {

template <std::size_t N>
class Secret {
 public:
  // Takes the bytes and wipes the buffer that they came in.
  explicit Secret(std::span<std::uint8_t, N> source) {
    std::ranges::copy(source, bytes_.begin());
    sodium_memzero(source.data(), N);
  }
  Secret(Secret&& other) noexcept : Secret(std::span<std::uint8_t, N>(other.bytes_)) {}
  Secret& operator=(Secret&& other) noexcept {
    if (this != &other) {
      std::ranges::copy(other.bytes_, bytes_.begin());
      sodium_memzero(other.bytes_.data(), N);
    }
    return *this;
  }
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  ~Secret() { sodium_memzero(bytes_.data(), N); }

  // The one way out: a review is a search for this name.
  std::span<const std::uint8_t, N> Expose() const { return bytes_; }
  bool Equals(const Secret& other) const {
    return sodium_memcmp(bytes_.data(), other.bytes_.data(), N) == 0;
  }

 private:
  std::array<std::uint8_t, N> bytes_;
};

}  // namespace veilsum
