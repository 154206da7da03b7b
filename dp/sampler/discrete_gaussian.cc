#include "dp/sampler/discrete_gaussian.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <optional>

#include "base/bytes.h"
#include "base/crypto/aes256_ctr.h"
#include "base/crypto/hkdf.h"

namespace veilsum::dp {
namespace {

constexpr double kLeastSigma = 8;  // below, a sum of shares is visibly not a discrete Gaussian
constexpr double kMostSigma = 0x1p50;
constexpr double kTailRadius = 13.5;  // in units of s0: cuts a mass of 2^-135.6
constexpr std::size_t kChunk = 1024;  // samples whose words lie together, level after level

// 1 + m^2 + m^4 + ...: variance of the sum of levels in units of s0^2.
long double VarianceFactor(int levels, std::uint32_t step) {
  long double factor = 1;
  for (int level = 1; level < levels; ++level) factor = factor * step * step + 1;
  return factor;
}

double DistancePerSample(int levels, std::uint64_t variance_2_40) {
  const double entries = 2.0 * GaussianTable::Radius(variance_2_40) + 1;
  const double table =
      entries * 0x1p-129 + 0x1p-135;  // half of one unit of 2^-128 an entry, and the cut tail
  return levels * table + (levels - 1) * 0x1p-250;
}

// The shape with these levels and this table, if its s0 fits the table and is smooth enough for the
// steps (DP-11).
std::optional<SamplerShape> TryShape(double sigma, int levels, int table_bits) {
  const double most_s0 = (std::ldexp(1.0, table_bits) - 1) / (2 * kTailRadius);
  std::uint32_t step = levels == 1 ? 1 : 2;
  const auto s0_squared = [&] {
    return static_cast<long double>(sigma) * sigma / VarianceFactor(levels, step);
  };
  while (levels > 1 && step < 1024 && s0_squared() > most_s0 * most_s0 * (1 - 1e-9)) ++step;
  const long double variance = s0_squared();
  if (variance > most_s0 * most_s0 * (1 - 1e-9)) return std::nullopt;
  if (levels > 1 && variance < 9.0L * (1 + static_cast<long double>(step) * step))
    return std::nullopt;
  const auto units = static_cast<std::uint64_t>(std::ceil(variance * 0x1p40L)) + 1;
  const long double reached =
      std::sqrt(static_cast<long double>(units) * 0x1p-40L * VarianceFactor(levels, step));
  return SamplerShape{levels,
                      step,
                      table_bits,
                      units,
                      std::max(sigma, static_cast<double>(reached)),
                      DistancePerSample(levels, units)};
}

// Adds multiplier * (level's value) to each of n values and says whether a first word was a tie
// (then the alias was taken).
__attribute__((optimize("O3"), target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default"))) bool
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
void SettleTies(const GaussianTable& table, std::span<const std::uint64_t> words,
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

Secret<32> StreamKey(const Secret<32>& seed, std::string_view stream) {
  return Hkdf(seed.Expose(), AsBytes("veilsum/dp"),
              Transcript("veilsum/dp/noise/v1").AddText(stream).bytes());
}

}  // namespace

absl::StatusOr<SamplerShape> ChooseSamplerShape(double sigma) {
  if (!(sigma >= kLeastSigma && sigma <= kMostSigma))
    return InvalidArgument("share_sigma is %g, must be from %g to 2^50 (DP-11)", sigma,
                           kLeastSigma);
  // In the order of cost: a word more costs more than a table that leaves the first-level cache.
  constexpr std::array<std::pair<int, int>, 13> kShapes = {{{1, 11},
                                                            {1, 12},
                                                            {2, 11},
                                                            {2, 12},
                                                            {3, 11},
                                                            {3, 12},
                                                            {3, 13},
                                                            {3, 14},
                                                            {4, 13},
                                                            {5, 13},
                                                            {6, 13},
                                                            {7, 13},
                                                            {8, 13}}};
  for (const auto& [levels, bits] : kShapes)
    if (const auto shape = TryShape(sigma, levels, bits)) return *shape;
  return Internal("no sampler shape for share_sigma %g", sigma);
}

absl::StatusOr<std::unique_ptr<const DiscreteGaussianSampler>> DiscreteGaussianSampler::Create(
    double sigma) {
  VEILSUM_ASSIGN_OR_RETURN(const SamplerShape shape, ChooseSamplerShape(sigma));
  return std::unique_ptr<const DiscreteGaussianSampler>(new DiscreteGaussianSampler(shape));
}

std::int64_t DiscreteGaussianSampler::bound() const {
  std::int64_t bound = 0;
  for (int level = 0; level < shape_.levels; ++level) bound = bound * shape_.step + table_.offset();
  return bound;
}

void DiscreteGaussianSampler::AddNoise(const Secret<32>& seed,
                                       std::span<std::int64_t> values) const {
  Aes256Ctr words_stream(StreamKey(seed, "words")), tie_stream(StreamKey(seed, "ties"));
  std::vector<std::uint64_t> words(kChunk * static_cast<std::size_t>(shape_.levels));
  const std::span<std::uint8_t> bytes(reinterpret_cast<std::uint8_t*>(words.data()),
                                      words.size() * sizeof(std::uint64_t));
  for (std::size_t first = 0; first < values.size(); first += kChunk) {
    words_stream.Generate(bytes);
    const std::span<std::int64_t> chunk =
        values.subspan(first, std::min(kChunk, values.size() - first));
    std::uint64_t multiplier = 1;
    for (int level = 0; level < shape_.levels; ++level, multiplier *= shape_.step) {
      const std::span<const std::uint64_t> plane(
          words.data() + kChunk * static_cast<std::size_t>(level), chunk.size());
      if (AddLevel(plane.data(), chunk.size(), table_.cells().data(), table_.bits(),
                   table_.offset(), multiplier, chunk.data()))
        SettleTies(table_, plane, first, shape_.levels, level, multiplier, tie_stream, chunk);
    }
  }
  sodium_memzero(bytes.data(), bytes.size());
}

}  // namespace veilsum::dp
