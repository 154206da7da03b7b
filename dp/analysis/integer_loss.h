// Exact privacy losses of integer noise on one coordinate, and how far integer noise in many
// coordinates is from a rounded Gaussian, which has a Gaussian's loss (lemma L5 in dp/README.md).
// Sources: Canonne, Kamath, Steinke (arXiv 2004.00010); Agarwal, Kairouz, Liu, "The Skellam
// Mechanism" (arXiv 2110.04995).
#pragma once

#include <span>

#include "dp/analysis/gaussian_loss.h"

namespace veilsum::dp {

// ln of the probabilities of -r .. r, r = (size - 1) / 2, of noise that is symmetric; what lies
// beyond has less than 1e-40.
std::vector<double> LogDiscreteGaussian(double variance);
// Poisson(variance / 2) minus another.
std::vector<double> LogSkellam(double variance);

// One customer moves the integer by `shift` >= 1.
LossDistribution IntegerNoiseLoss(std::span<const double> log_probabilities, unsigned shift,
                                  double sampling_rate, Direction direction, double step);

// KL(noise || round(N(0, variance - 1/12))) per coordinate and release: bounds for variance >= 1.
double DiscreteGaussianKl(double variance);  // 1.5e-6 / variance^4
double SkellamKl(double variance);           // 1 / (48 variance^2), to leading order, taken twice

}  // namespace veilsum::dp
