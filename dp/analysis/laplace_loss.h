// Privacy loss of Laplace noise of scale b (in units of the L1 sensitivity) over Poisson samples.
// Its losses are bounded: each of the two tails of the noise is one atom.
#pragma once

#include "dp/analysis/gaussian_loss.h"

namespace veilsum::dp {

LossRange RangeOfLaplaceLoss(double sampling_rate, double scale, Direction direction);
LossDistribution LaplaceLoss(double sampling_rate, double scale, Direction direction, double step);

}  // namespace veilsum::dp
