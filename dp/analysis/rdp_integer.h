// Renyi bounds of integer noise and of Laplace noise, and Poisson sampling of any of them.
// Sources: sampling, tight for symmetric noise (lemma L4 in dp/README.md); Skellam: Agarwal,
// Kairouz, Liu (arXiv 2110.04995), theorem 3.5; sums of discrete Gaussian shares: Kairouz, Liu,
// Steinke (arXiv 2102.06387), section 3 and proposition 14.
#pragma once

#include <functional>
#include <vector>

namespace veilsum::dp {

// RDP of a mechanism at integer order k >= 2.
using RdpOfOrder = std::function<double(unsigned order)>;

// RDP at integer `order` >= 2 of the mechanism over a Poisson sample of rate q: binomial expansion
// of the removal, and never more than without sampling.
double SubsampledRdp(double sampling_rate, unsigned order, const RdpOfOrder& unsampled);

// Skellam noise of total variance mu; D2 and D1 bound the integer shift.
double SkellamRdp(double order, double mu, double d2, double d1);
// What D1 can be at most: integers of L2 norm D2 in `dimension` coordinates.
double LargestL1(double d2, double dimension);

// |ln| of the ratio of a sum of n shares N_Z(0, share_sigma^2) to one discrete Gaussian.
double ShareSumTau(unsigned shares, double share_sigma);
// The sum of shares with total variance S^2 and that tau.
double ShareSumRdp(double order, double variance, double d2, double d1, double dimension,
                   double tau);

// Laplace noise of scale b over L1 sensitivity 1.
double LaplaceRdp(double order, double scale);

}  // namespace veilsum::dp
