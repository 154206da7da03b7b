// Integer noise from a table: a symmetric distribution on -radius .. radius as an alias table
// (Walker 1977; Vose 1991) with exact 128-bit thresholds, and sums of several levels of it, without
// floating point between key and sample (rule DP-11).
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/secret.h"

namespace veilsum::dp {

class FixedPoint;

// Exact probabilities in units of 2^-128 for 0 .. weights.size() - 1, the negative side mirrored,
// in proportion to `weights` (weights[0] in [1, 2^20]): each within 1 of the exact value, together
// 2^128.
std::vector<unsigned __int128> ProbabilitiesOf(const std::vector<FixedPoint>& weights);

class SymmetricTable {
 public:
  // `half`: probabilities of 0 .. radius in units of 2^-128, as above; 2 radius + 1 <= 2^bits <=
  // 2^20 cells.
  SymmetricTable(std::span<const unsigned __int128> half, int bits);
  // The value for a uniform 128-bit number: `high` decides except on a tie (probability 2^-(64 -
  // bits)), which `low` breaks.
  int Value(std::uint64_t high, std::uint64_t low) const;

  // For the fast path: value = word >> (64 - bits) or the alias; see symmetric_table.cc.
  std::span<const std::uint64_t> cells() const { return cells_; }
  int bits() const { return bits_; }
  int offset() const { return offset_; }  // the radius: no value is larger in absolute value

 private:
  int bits_;
  int offset_;  // value = cell index - offset
  std::vector<std::uint64_t>
      cells_;  // upper bits: high part of the threshold; lower `bits_` bits: alias
  std::vector<std::uint64_t> lows_;  // low 64 bits of the threshold
};

// Adds X0 + step X1 + ... + step^(levels-1) X(levels-1) to each value, all independent from `table`
// and determined by `seed`, which must be fresh: both streams (words, tie-breaks) are keyed from it
// by HKDF under `label`. One word per level and sample at a fixed place of the stream; buffers are
// wiped.
void AddTableNoise(const SymmetricTable& table, int levels, std::uint32_t step,
                   std::string_view label, const Secret<32>& seed, std::span<std::int64_t> values);

}  // namespace veilsum::dp
