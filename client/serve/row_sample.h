// A sample of at most `size` rows of a stream, each row alike, in one pass (Vitter's algorithm R).
#pragma once

#include <cstdint>
#include <optional>
#include <random>

#include "base/uniform.h"

namespace veilsum::client {

class RowSample {
 public:
  RowSample(std::size_t size, std::uint64_t seed) : size_(size), rng_(seed) {}

  // Where the stream's next row goes: a place below `size`, whose row it replaces if there is one;
  // none: it is passed over. The same rows and seed give the same places everywhere.
  std::optional<std::size_t> Place() {
    const std::size_t row = seen_++;
    if (row < size_) return row;
    const std::uint64_t place = UniformBelow(row + 1, rng_);
    if (place < size_) return place;
    return std::nullopt;
  }
  std::size_t seen() const { return seen_; }

 private:
  std::size_t size_, seen_ = 0;
  std::mt19937_64 rng_;  // which rows are looked at is no secret
};

}  // namespace veilsum::client
