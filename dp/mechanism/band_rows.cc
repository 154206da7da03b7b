#include "dp/mechanism/band_rows.h"

#include <bit>
#include <cmath>
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

absl::StatusOr<ClippedSum> BandEncoder::Row(std::uint64_t t, ClippedSum&& step) {
  if (step.size() != dimension_)
    return InvalidArgument("step has %d numbers, must have %d", step.size(), dimension_);
  if (!steps_.empty() && t <= steps_.front().t)
    return FailedPrecondition("DP-15: step %d after step %d: a row is made once", t,
                              steps_.front().t);
  steps_.push_front({t, std::move(step.grid_)});
  while (t - steps_.back().t >= matrix_.bands()) steps_.pop_back();
  std::vector<std::int64_t> row(dimension_);
  for (std::size_t i = 0; i < dimension_; ++i) {
    __int128 sum = 0;
    for (const Step& part : steps_)
      sum += static_cast<__int128>(matrix_.units()[t - part.t]) * part.sum[i];
    row[i] = RoundShift(sum, BandMatrix::kUnitBits + guard_bits_);
  }
  return ClippedSum::FromCertifiedContributions(std::move(row));
}

std::vector<double> BandDecoder::Step(std::uint64_t t, std::span<const std::int64_t> row) {
  std::vector<double> step(row.begin(), row.end());
  while (!steps_.empty() && t - steps_.back().t >= matrix_.bands()) steps_.pop_back();
  for (const Estimate& part : steps_)
    for (std::size_t i = 0; i < step.size(); ++i) step[i] -= matrix_.at(t - part.t) * part.step[i];
  steps_.push_front({t, step});
  if (steps_.size() >= matrix_.bands()) steps_.pop_back();
  return step;
}

static_assert(std::endian::native == std::endian::little, "steps are saved as they are");

Bytes BandDecoder::Save() const {
  const std::size_t numbers = dimension_ * sizeof(double);
  Bytes out(steps_.size() * (sizeof(std::uint64_t) + numbers));
  std::uint8_t* at = out.data();
  for (const Estimate& part : steps_) {
    std::memcpy(at, &part.t, sizeof part.t);
    std::memcpy(at + sizeof part.t, part.step.data(), numbers);
    at += sizeof part.t + numbers;
  }
  return out;
}

absl::Status BandDecoder::Load(ByteView saved) {
  const std::size_t numbers = dimension_ * sizeof(double), each = sizeof(std::uint64_t) + numbers;
  if (saved.size() % each != 0 || saved.size() / each >= matrix_.bands())
    return InvalidArgument("saved steps have %d bytes, must be fewer than %d of %d", saved.size(),
                           matrix_.bands(), each);
  std::deque<Estimate> steps;
  for (std::size_t at = 0; at < saved.size(); at += each) {
    Estimate part{0, std::vector<double>(dimension_)};
    std::memcpy(&part.t, saved.data() + at, sizeof part.t);
    std::memcpy(part.step.data(), saved.data() + at + sizeof part.t, numbers);
    for (const double number : part.step)
      if (!std::isfinite(number)) return InvalidArgument("saved step: a number is not finite");
    if (!steps.empty() && part.t >= steps.back().t)
      return InvalidArgument("saved step %d after step %d, must fall", part.t, steps.back().t);
    steps.push_back(std::move(part));
  }
  steps_ = std::move(steps);
  return absl::OkStatus();
}

}  // namespace veilsum::dp
