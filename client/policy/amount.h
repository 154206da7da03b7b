// Exact amounts of budget: non-negative multiples of 1e-18, parsed from and printed as decimal
// text. No floats: sums over many attempts must not drift, and what is charged must never round
// down.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"

namespace veilsum::client {

class Amount {
 public:
  enum class Rounding { kUp, kDown };
  Amount() = default;
  // "0.0125", "3", "1e-5". InvalidArgument: anything else, negative, or above 1e12.
  static absl::StatusOr<Amount> Parse(std::string_view text, Rounding rounding);

  // ResourceExhausted when the result is above 1e18, which no budget holds.
  absl::StatusOr<Amount> Times(std::uint64_t count) const;
  friend Amount operator+(Amount a, Amount b) { return Amount(a.units_ + b.units_); }
  friend Amount operator-(Amount a, Amount b) {
    return Amount(a.units_ > b.units_ ? a.units_ - b.units_ : 0);
  }
  friend auto operator<=>(Amount, Amount) = default;
  std::string ToString() const;  // shortest decimal: "0.0125"

 private:
  __extension__ typedef unsigned __int128 Units;
  explicit Amount(Units units) : units_(units) {}
  Units units_ = 0;  // of 1e-18; below 2^122 by the bounds above
};

}  // namespace veilsum::client
