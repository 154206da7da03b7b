// Constants of the distance between the integer noise that is drawn and the rounded Gaussian that
// is accounted (lemma L5). For the files of this room only.
#pragma once

#include "dp/infinity.h"

namespace veilsum::dp {

inline constexpr double kRoundingVariance = 1.0 / 12;
// Per coordinate, KL(N_Z(S^2) || round(N(0, S^2 - 1/12))) <= 1.5e-6 / S^8 for S >= 1 (review of
// lemma L5, measured to 60 digits).
inline constexpr double kKlConstant = 1.5e-6;

}  // namespace veilsum::dp
