#include "dp/mechanism/band_rows.h"

#include <cstring>

#include "base/crypto/hkdf.h"

namespace veilsum::dp {
namespace {

// round(value / 2^bits), ties to even.
std::int64_t RoundShift(__int128 value, int bits) {
  const __int128 unit = __int128{1} << bits, half = unit / 2;
  const __int128 floor = value >> bits, rest = value - (floor << bits);
  const bool up = rest > half || (rest == half && (floor & 1) != 0);
  return static_cast<std::int64_t>(floor + (up ? 1 : 0));
}

}  // namespace

std::uint64_t BandGroup(const Secret<32>& key, std::string_view customer, std::uint64_t bands) {
  const Secret<32> mixed = Hkdf(key.Expose(), AsBytes("veilsum/dp/bands/v1"), AsBytes(customer));
  std::uint64_t word;
  std::memcpy(&word, mixed.Expose().data(), sizeof word);
  return word % bands;
}

absl::StatusOr<ClippedSum> BandEncoder::Row(ClippedSum&& step) {
  if (step.size() != dimension_)
    return InvalidArgument("step has %d numbers, must have %d", step.size(), dimension_);
  steps_.push_front(std::move(step.grid_));
  if (steps_.size() > matrix_.bands()) steps_.pop_back();
  std::vector<std::int64_t> row(dimension_);
  for (std::size_t i = 0; i < dimension_; ++i) {
    __int128 sum = 0;
    for (std::size_t j = 0; j < steps_.size(); ++j)
      sum += static_cast<__int128>(matrix_.units()[j]) * steps_[j][i];
    row[i] = RoundShift(sum, BandMatrix::kUnitBits + guard_bits_);
  }
  return ClippedSum::FromCertifiedContributions(std::move(row));
}

std::vector<double> BandDecoder::Step(std::span<const std::int64_t> row) {
  std::vector<double> step(row.begin(), row.end());
  for (std::size_t j = 1; j < matrix_.bands() && j <= steps_.size(); ++j)
    for (std::size_t i = 0; i < step.size(); ++i) step[i] -= matrix_.at(j) * steps_[j - 1][i];
  Keep(step);
  return step;
}

void BandDecoder::Lost(std::size_t dimension) { Keep(std::vector<double>(dimension)); }

void BandDecoder::Keep(std::vector<double> step) {
  steps_.push_front(std::move(step));
  if (steps_.size() >= matrix_.bands()) steps_.pop_back();
}

}  // namespace veilsum::dp
