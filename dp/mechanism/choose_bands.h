// How many bands a run of the banded mechanism should have: more bands, less noise in what adds up
// over the steps, but customers are sampled from a b-th of the population, so that the
// amplification by sampling is weaker. b = 1 is DP-SGD and always among the candidates, hence never
// beaten by the choice. Public numbers only, so that choosing costs no privacy.
#pragma once

#include <vector>

#include "dp/accountant/accountant.h"
#include "dp/mechanism/band_matrix.h"

namespace veilsum::dp {

struct BandQuery {
  std::uint64_t steps;     // T
  Rational sampling_rate;  // q of DP-SGD; with b bands the group of a step is sampled at b q
  double epsilon, delta;
  AccountantKind accountant = AccountantKind::kRdp;
  std::uint64_t most_bands = 64;
};

struct BandChoice {
  std::uint64_t bands;
  Rational sampling_rate;   // of the group whose step it is
  std::uint64_t releases;   // ceil(T / b), of (sampling_rate, noise_multiplier)
  double noise_multiplier;  // z: S* over D2_block
  double norm;              // ||c||
  // z ||c|| sqrt(mean_t ||row t of A C^-1||^2): noise in the sum of the steps so far, root mean
  // square over the run, in units of the clip norm.
  double error;
};

// The divisors b of T with b q <= 1 and b <= most_bands, the least error first. The first one's
// noise is calibrated by `accountant`; InvalidArgument naming field and bound: steps 0, most_bands
// not from 1 to 4096, what SamplingRate, Epsilon and Delta refuse; FailedPrecondition when no noise
// meets the claim.
absl::StatusOr<std::vector<BandChoice>> RankBands(const BandQuery& query);

}  // namespace veilsum::dp
