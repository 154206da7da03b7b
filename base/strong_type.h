// A value with its own type: conversions in and out are spelled, arithmetic is deliberately absent.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>

namespace veilsum {

template <class Tag, class T>
class Strong {
 public:
  explicit constexpr Strong(T value) : value_(value) {}
  constexpr T value() const { return value_; }
  friend constexpr auto operator<=>(Strong, Strong) = default;

 private:
  T value_;
};

// Round number r: from 1, strictly increasing per run contract over all purposes (SE-05).
using RoundId = Strong<struct RoundIdTag, std::uint64_t>;
// Position in a roster sorted by member id, 0-based; the Shamir point of the seat is index + 1.
using RosterIndex = Strong<struct RosterIndexTag, std::uint16_t>;

}  // namespace veilsum
