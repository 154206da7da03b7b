#include "dp/sampler/symmetric_table.h"

#include <algorithm>
#include <numeric>

#include "base/bytes.h"
#include "base/crypto/aes256_ctr.h"
#include "base/crypto/hkdf.h"
#include "base/status.h"
#include "dp/sampler/fixed_point.h"

namespace veilsum::dp {
namespace {

using Uint128 = unsigned __int128;

constexpr std::size_t kSamplesAtOnce = 1024;  // samples whose words lie together, level after level

// Adds multiplier * (level's value) to each of n values and says whether a first word was a tie
// (then the alias was taken).
#if !defined(__SANITIZE_THREAD__)  // whose runtime is not up when the loader chooses
__attribute__((optimize("O3"), target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#endif
bool
AddLevel(const std::uint64_t* words, std::size_t n, const std::uint64_t* cells, int bits,
         std::int64_t offset, std::uint64_t multiplier, std::int64_t* values) {
  const std::uint64_t fraction_mask = ~std::uint64_t{0} >> bits;
  const std::uint64_t alias_mask = (std::uint64_t{1} << bits) - 1;
  std::uint64_t ties = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const std::uint64_t cell = words[i] >> (64 - bits);
    const auto fraction = static_cast<std::int64_t>(
        words[i] & fraction_mask);  // below 2^63: signed compares vectorise
    const std::uint64_t entry = cells[cell];
    const auto threshold = static_cast<std::int64_t>(entry >> bits);
    const std::uint64_t value = fraction < threshold ? cell : (entry & alias_mask);
    ties |= static_cast<std::uint64_t>(fraction == threshold);
    // Unsigned arithmetic: a wrap modulo 2^64 is the ring's, never undefined.
    values[i] =
        static_cast<std::int64_t>(static_cast<std::uint64_t>(values[i]) +
                                  (value - static_cast<std::uint64_t>(offset)) * multiplier);
  }
  return ties != 0;
}

// Settles ties of one level by the second stream, which is addressed by the word's index so that no
// place shifts.
void SettleTies(const SymmetricTable& table, std::span<const std::uint64_t> words,
                std::uint64_t first_sample, int levels, int level, std::uint64_t multiplier,
                Aes256Ctr& tie_stream, std::span<std::int64_t> values) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    const int if_alias = table.Value(words[i], ~std::uint64_t{0});
    if (if_alias == table.Value(words[i], 0)) continue;
    std::uint64_t low = 0;
    tie_stream.Seek((first_sample + i) * static_cast<std::uint64_t>(levels) +
                    static_cast<std::uint64_t>(level));
    tie_stream.Generate({reinterpret_cast<std::uint8_t*>(&low), sizeof low});
    const std::int64_t correction = table.Value(words[i], low) - if_alias;
    values[i] = static_cast<std::int64_t>(static_cast<std::uint64_t>(values[i]) +
                                          static_cast<std::uint64_t>(correction) * multiplier);
  }
}

Secret<32> StreamKey(const Secret<32>& seed, std::string_view label, std::string_view stream) {
  return Hkdf(seed.Expose(), AsBytes("veilsum/dp"), Transcript(label).AddText(stream).bytes());
}

}  // namespace

std::vector<Uint128> ProbabilitiesOf(const std::vector<FixedPoint>& weights) {
  VEILSUM_CHECK(!weights.empty());
  const auto radius = static_cast<std::uint32_t>(weights.size() - 1);
  FixedPoint total = weights[0];
  for (std::uint32_t k = 1; k <= radius; ++k) total = total + weights[k] + weights[k];
  const FixedPoint scale = Reciprocal(total);

  std::vector<Uint128> floors(radius + 1), rests(radius + 1);
  Uint128 missing = 0;  // 2^128 minus the sum of the floors, modulo 2^128: at most 2 radius + 1
  for (std::uint32_t k = 0; k <= radius; ++k) {
    const FixedPoint probability = weights[k] * scale;
    floors[k] = probability.upper();
    rests[k] = probability.lower();
    missing -= k == 0 ? floors[k] : 2 * floors[k];
  }
  // Largest remainders get the missing units, in pairs, so that the table stays exactly symmetric.
  if (missing % 2 == 1) ++floors[0];
  std::vector<std::uint32_t> by_rest(radius);
  std::iota(by_rest.begin(), by_rest.end(), 1u);
  std::stable_sort(by_rest.begin(), by_rest.end(),
                   [&](auto a, auto b) { return rests[a] > rests[b]; });
  VEILSUM_CHECK(missing / 2 <= by_rest.size());
  for (std::size_t i = 0; i < static_cast<std::size_t>(missing / 2); ++i) ++floors[by_rest[i]];
  return floors;
}

SymmetricTable::SymmetricTable(std::span<const Uint128> half, int bits)
    : bits_(bits), cells_(std::size_t{1} << bits), lows_(cells_.size()) {
  VEILSUM_CHECK(!half.empty() && bits <= 20);
  const auto radius = static_cast<std::uint32_t>(half.size() - 1);
  offset_ = static_cast<int>(radius);
  VEILSUM_CHECK(2 * radius + 1 <= cells_.size());
  std::vector<Uint128> mass(cells_.size(), 0);
  for (std::uint32_t k = 0; k <= radius; ++k) mass[radius + k] = mass[radius - k] = half[k];

  // Vose: a cell with less than its capacity keeps its own mass as threshold and is filled up from
  // one with more.
  const Uint128 capacity = Uint128{1} << (128 - bits_);
  std::vector<std::uint32_t> poor, rich;
  for (std::uint32_t cell = 0; cell < cells_.size(); ++cell)
    (mass[cell] < capacity ? poor : rich).push_back(cell);
  while (!poor.empty()) {
    VEILSUM_CHECK(!rich.empty());  // the masses sum to 2^128 = cells * capacity
    const std::uint32_t cell = poor.back(), donor = rich.back();
    poor.pop_back();
    cells_[cell] = (static_cast<std::uint64_t>(mass[cell] >> 64) << bits_) | donor;
    lows_[cell] = static_cast<std::uint64_t>(mass[cell]);
    mass[donor] -= capacity - mass[cell];
    if (mass[donor] < capacity) {
      rich.pop_back();
      poor.push_back(donor);
    }
  }
  for (const std::uint32_t cell : rich)
    cells_[cell] = cell;  // exactly full: threshold 0, alias itself
}

int SymmetricTable::Value(std::uint64_t high, std::uint64_t low) const {
  const std::uint64_t cell = high >> (64 - bits_);
  const std::uint64_t fraction = high & (~std::uint64_t{0} >> bits_);
  const std::uint64_t threshold = cells_[cell] >> bits_;
  const bool own = fraction < threshold || (fraction == threshold && low < lows_[cell]);
  const std::uint64_t alias = cells_[cell] & ((std::uint64_t{1} << bits_) - 1);
  return static_cast<int>(own ? cell : alias) - offset_;
}

void AddTableNoise(const SymmetricTable& table, int levels, std::uint32_t step,
                   std::string_view label, const Secret<32>& seed, std::span<std::int64_t> values) {
  Aes256Ctr words_stream(StreamKey(seed, label, "words")),
      tie_stream(StreamKey(seed, label, "ties"));
  std::vector<std::uint64_t> words(kSamplesAtOnce * static_cast<std::size_t>(levels));
  const std::span<std::uint8_t> bytes(reinterpret_cast<std::uint8_t*>(words.data()),
                                      words.size() * sizeof(std::uint64_t));
  for (std::size_t first = 0; first < values.size(); first += kSamplesAtOnce) {
    words_stream.Generate(bytes);
    const std::span<std::int64_t> chunk =
        values.subspan(first, std::min(kSamplesAtOnce, values.size() - first));
    std::uint64_t multiplier = 1;
    for (int level = 0; level < levels; ++level, multiplier *= step) {
      const std::span<const std::uint64_t> plane(
          words.data() + kSamplesAtOnce * static_cast<std::size_t>(level), chunk.size());
      if (AddLevel(plane.data(), chunk.size(), table.cells().data(), table.bits(), table.offset(),
                   multiplier, chunk.data()))
        SettleTies(table, plane, first, levels, level, multiplier, tie_stream, chunk);
    }
  }
  sodium_memzero(bytes.data(), bytes.size());
}

}  // namespace veilsum::dp
