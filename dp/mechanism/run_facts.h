// What a run's plan says about its sums before any noise is chosen, checked; the noise of a sum at
// a multiplier; and whether both fit the ring (rules DP-01 to DP-03, DP-10). For the files of this
// room only: others use dp/mechanism/distributed_gaussian.h.
#pragma once

#include <cmath>
#include <optional>
#include <string>

#include "dp/mechanism/distributed_gaussian.h"

namespace veilsum::dp {

// A sum's facts without its noise; statistics, training and evaluation differ only in these.
struct SumFacts {
  std::string name;
  double sampling_rate;  // of one release
  std::uint64_t attempts;
  double dimension;
  double sensitivity;
  double overflow;  // added to delta once per run
  double users_in_round;
  double largest_entry;  // of one customer's contribution, grid units
  int ring_bits;
  std::uint32_t bands = 1;        // as TrainingSumSpec
  std::uint64_t local_steps = 0;  // as TrainingSumSpec
  double bit_noise = 0;           // merchant mode: of the count of merchants; else 0

  bool is_merchant() const { return bit_noise > 0; }
  // What a merchant's bit is sent as when the sum's noise is `sigma`: the count's noise is then
  // bit_noise or more.
  double HalfAt(double sigma) const {
    return is_merchant() ? std::floor(sigma / (2 * bit_noise)) : 0;
  }
  // Of the whole sum: `sensitivity` is that of all but the bit.
  double SensitivityAt(double sigma) const { return std::hypot(sensitivity, HalfAt(sigma)); }
  // How far a customer moves the sum, in sensitivities: in merchant mode from one update to
  // another, not to zeros.
  double moves_of_customer() const { return is_merchant() ? 2 : 1; }
  bool is_local() const { return local_steps > 0; }
  // Noisy sums of one attempt.
  double sums_per_attempt() const { return is_local() ? static_cast<double>(local_steps) : 1; }
  // What an accountant composes for the first n attempts: one customer's releases.
  std::uint64_t ReleasesOf(std::uint64_t n) const {
    return is_local() ? n * local_steps : (n + bands - 1) / bands;
  }
  // Merchants whose shares carry the noise: of a local run, nobody else's counts.
  double CarriersOf(double honest) const { return is_local() ? 1 : honest; }
};

double BitNoise(const AdaptiveClip& clip);  // sigma_bit

struct RunFacts {
  SumFacts training;
  std::optional<SumFacts> statistics;
  std::optional<SumFacts> evaluation;
  double members;
  double min_survivors;
  double carriers;  // H_min
  double delta;
  AccountantKind accountant;
};

using RunNoise = ClaimedNoise;

// The shape of one of `input`'s sums. InvalidArgument naming field and bound.
absl::StatusOr<SumFacts> FactsOf(const TrainingSumSpec& spec, std::uint32_t members);
absl::StatusOr<SumFacts> FactsOf(const StatisticsSumSpec& spec, std::uint32_t members);
absl::StatusOr<SumFacts> FactsOf(const EvaluationSumSpec& spec);
absl::StatusOr<RunFacts> FactsOf(const RunPrivacyInput& input);

// S*^2 = (z D2)^2 + 1/12, so that the multiplier of the ideal, rounded Gaussian is z exactly
// (DP-03). In merchant mode z is spent on update and bit together, and a little less than z is
// needed where half is rounded down; infinite where the bit alone tells more than z allows.
SumNoise NoiseAt(const SumFacts& sum, double carriers, double noise_multiplier);

// InvalidArgument unless contributions, rounding and noise fit each sum's ring (DP-10).
absl::Status CheckRings(const RunFacts& facts, const RunNoise& noise);

}  // namespace veilsum::dp
