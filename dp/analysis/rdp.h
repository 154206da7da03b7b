// Renyi differential privacy of the Poisson-subsampled Gaussian mechanism, as pure functions.
// Sources: Mironov, Talwar, Zhang, "Renyi DP of the Sampled Gaussian Mechanism" (arXiv 1908.10530),
// sections 3.2 and 3.3; conversion: Canonne, Kamath, Steinke, "The Discrete Gaussian" (arXiv
// 2004.00010), proposition 12. The removal direction (mixture against base) dominates at every
// order (lemma L4 in dp/README.md), so it is the one computed.
#pragma once

#include <functional>
#include <span>

#include "dp/event.h"

namespace veilsum::dp {

// RDP at `order` > 1 of one event with count 1. `sampling_rate` in (0, 1], `noise_multiplier` > 0:
// callers validate. Integer orders by the binomial expansion (relative error 1e-12), others by
// quadrature (relative error 1e-9), above 64 by linear interpolation of the convex (order - 1) *
// rdp between integers, which is an upper bound.
double RdpAtOrder(double sampling_rate, double noise_multiplier, double order);

// ln E[(P/Q)^order] / (order - 1) by the binomial sum; order an integer >= 2.
double RdpByBinomialSum(double sampling_rate, double noise_multiplier, unsigned order);
// The same at any real order > 1 by the trapezoid rule.
double RdpByQuadrature(double sampling_rate, double noise_multiplier, double order);

// One release of the event, whatever its noise: integer noise and Laplace noise over samples only
// at integer orders (rdp_integer.h). A person at several merchants: quadrature of the mixture k ~
// Bin(m, q) of shifts (lemma L8), the larger of both directions.
double RdpAtOrder(const PrivacyEvent& event, double order);
// Sums over the events with their counts.
double RdpAtOrder(const PrivacySchedule& schedule, double order);
// Whether some event has a bound at integer orders only.
bool NeedsIntegerOrders(const PrivacySchedule& schedule);

// 1.1 to 10.9 by 0.1, 11 to 63, 128, 256, 512, 1024.
std::span<const double> DefaultOrders();
// 2 to 128, 160, 192, 256, 320, 384, 512: where RDP of integer noise is exact.
std::span<const double> IntegerOrders();

// The epsilon that RDP `rdp` at `order` gives for `delta`; not below 0, infinite where rdp is.
double EpsilonAtOrder(double order, double rdp, double delta);

struct EpsilonAndOrder {
  double epsilon;
  double order;
};

enum class Refine { kNo, kBetweenNeighbours };

// The least epsilon over `orders` (ascending), then over the reals between the best order's
// neighbours by golden section. (order - 1) * rdp is convex in the order, hence epsilon is unimodal
// in it, and few orders need to be evaluated.
EpsilonAndOrder EpsilonOfCurve(const std::function<double(double order)>& rdp, double delta,
                               std::span<const double> orders, Refine refine);
EpsilonAndOrder EpsilonOfSchedule(const PrivacySchedule& schedule, double delta,
                                  std::span<const double> orders, Refine refine);

}  // namespace veilsum::dp
