// Privacy losses of Gaussian noise over Poisson samples: one customer at one or several merchants,
// added, removed or replaced. In units of the sensitivity the pairs are, with K ~ Bin(m, q),
//   remove: P = E N(K, z^2), Q = N(0, z^2);  add: the two swapped;
//   replace: P = E N(K, z^2), Q = E N(-K, z^2).
// That these dominate the mechanism is lemma L2 (m = 1) and L8 in dp/README.md; replace-one: Zhu,
// Dong, Wang, "Optimal Accounting of Differential Privacy via Characteristic Function" (arXiv
// 2106.08567).
#pragma once

#include "dp/analysis/loss_distribution.h"

namespace veilsum::dp {

enum class Direction { kRemove, kAdd, kReplace };

struct GaussianMixture {
  double sampling_rate;     // q in (0, 1]
  double noise_multiplier;  // z > 0
  unsigned merchants = 1;   // m >= 1
};

struct LossRange {
  double least, most;
};
// Losses between which all but `tail` of P lies on either side.
LossRange RangeOfGaussianLoss(const GaussianMixture& mixture, Direction direction, double tail);

// Masses of each interval of the grid by Gauss-Legendre quadrature of non-negative integrands, so
// that every mass is right to a relative 1e-12. Mass `tail` below the range is raised to its end,
// mass above it becomes infinite.
LossDistribution GaussianLoss(const GaussianMixture& mixture, Direction direction, double step,
                              double tail);

// delta(epsilon) of T releases without sampling, mu = sqrt(T) / z: Phi(mu/2 - eps/mu) - e^eps
// Phi(-mu/2 - eps/mu) (Balle, Wang, arXiv 1805.06530), and its inverse, rounded up by at most a
// relative 1e-12.
double GaussianDelta(double mu, double epsilon);
double GaussianEpsilon(double mu, double delta);

}  // namespace veilsum::dp
