#include "client/round/drop_schedule.h"

#include "base/bytes.h"

namespace veilsum::client {
namespace {

std::uint64_t Draw(std::uint64_t seed, std::uint64_t round, std::uint32_t what) {
  const Hash32 hash =
      Transcript("veilsum/demo/drop").AddU64(seed).AddU64(round).AddU32(what).Sha256();
  std::uint64_t value = 0;
  for (int i = 0; i < 8; ++i) value |= static_cast<std::uint64_t>(hash[i]) << (8 * i);
  return value;
}

}  // namespace

absl::StatusOr<DropSchedule> DropSchedule::Create(const Rational& fraction, std::uint64_t seed,
                                                  std::uint32_t seat, std::uint32_t seats) {
  if (2 * fraction.numerator() > fraction.denominator())
    return InvalidArgument("drop fraction is %s, must be at most 1/2", fraction.ToString());
  if (seat >= seats) return InvalidArgument("seat is %d, must be below %d", seat, seats);
  return DropSchedule(fraction.ToDouble(), seed, seat, seats);
}

std::optional<DropPhase> DropSchedule::At(std::uint64_t round) const {
  const std::uint64_t mine = Draw(seed_, round, seat_);
  std::uint32_t rank = 0;
  for (std::uint32_t other = 0; other < seats_; ++other)
    if (other != seat_ && Draw(seed_, round, other) < mine) ++rank;
  const double wanted = fraction_ * seats_;
  const double fair = static_cast<double>(Draw(seed_, round, seats_)) * 0x1p-64;
  if (rank + fair >= wanted) return std::nullopt;
  return static_cast<DropPhase>(mine % 3);
}

}  // namespace veilsum::client
