// Which rounds a merchant vanishes in, and at which phase: the demo's --drop, to show that sums
// survive it. The schedule is public and seeded; it has nothing to do with data. A client without
// one never vanishes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/rational.h"

namespace veilsum::client {

enum class DropPhase { kBeforeUpload, kAfterUpload, kAfterSignature };

class DropSchedule {
 public:
  // In every round, the fraction of `seats` with the smallest hash of (seed, round, seat) vanish:
  // floor of the product, plus one more in the rounds whose hash says so, so that the mean is the
  // fraction. `seat` is this client's place, 0-based. InvalidArgument: fraction above 1/2, seat not
  // below seats.
  static absl::StatusOr<DropSchedule> Create(const Rational& fraction, std::uint64_t seed,
                                             std::uint32_t seat, std::uint32_t seats);
  std::optional<DropPhase> At(std::uint64_t round) const;

 private:
  DropSchedule(double fraction, std::uint64_t seed, std::uint32_t seat, std::uint32_t seats)
      : fraction_(fraction), seed_(seed), seat_(seat), seats_(seats) {}
  double fraction_;
  std::uint64_t seed_;
  std::uint32_t seat_, seats_;
};

}  // namespace veilsum::client
