// A malicious coordinator with corrupt merchants that tries schedules at random against real
// clients: split rosters, replayed adverts, selective boxes, split V, U and model views, slots and
// rounds offered twice, forged and stolen certificates, crashes. What it could have learned is
// computed exactly: every mask stream is an unknown, streams whose keys it has are struck out, and
// Gaussian elimination over the honest uploads gives the space of input combinations that are free
// of unknowns. The protocol promises that this space is spanned by the certified sums, at most one
// a slot (docs/protocol.md; Bonawitz et al., CCS 2017, for the masks).
#pragma once

#include <cstdint>
#include <string>

namespace veilsum::attack {

struct Population {
  std::size_t members = 4;
  std::uint16_t colluders = 1;  // C of the contract, and so many merchants are corrupt
};

struct HostileCounts {
  std::uint64_t runs = 0;
  std::uint64_t with_a_sum = 0;     // the schedule got somewhere: a certified sum is learnable
  std::uint64_t refusals = 0;       // by clients
  std::uint64_t certificates = 0;   // over U
  std::uint64_t isolations = 0;     // one honest input alone
  std::uint64_t sub_sums = 0;       // a combination that is no certified sum
  std::uint64_t below_floor = 0;    // a sum over fewer honest inputs than the floor less C
  std::uint64_t both_shares = 0;    // both secrets of an honest member's slot are rebuilt
  std::uint64_t both_by_one = 0;    // one honest client gave both kinds for one dealer and slot
  std::uint64_t second_u = 0;       // two certified U of one slot
  std::uint64_t second_v = 0;       // two certified V of one roster
  std::uint64_t wrong_secrets = 0;  // shares that do not rebuild what the advert commits to

  void Add(const HostileCounts& other);
  std::uint64_t Violations() const {
    return isolations + sub_sums + below_floor + both_shares + both_by_one + second_u + second_v +
           wrong_secrets;
  }
  std::string ToString() const;
};

// One schedule, decided by `seed` alone.
HostileCounts RunHostileSchedule(const Population& population, std::uint64_t seed);

}  // namespace veilsum::attack
