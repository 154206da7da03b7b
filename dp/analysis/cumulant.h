// ln of the moment generating function of a loss on a grid, with its first two derivatives: where
// to tilt, and how far tails reach (Chernoff's bound).
#pragma once

#include <span>

#include "dp/analysis/loss_distribution.h"

namespace veilsum::dp {

struct Cumulants {
  double log_m;     // ln sum of mass e^(theta l), of the finite masses
  double mean;      // of the tilted distribution
  double variance;  // the same
};

// One pass without an exponential per point: about a nanosecond each.
Cumulants CumulantsAt(const LossDistribution& loss, double theta);

// out[(lowest + i) mod out.size()] += mass_i e^(theta l_i - log_m); out.size() a power of two.
void AddTilted(const LossDistribution& loss, double theta, double log_m, std::vector<double>& out);

}  // namespace veilsum::dp
