// Privacy loss of a run with given noise, for each adversary: ideal Gaussian events for the
// accountant, and the distance of the real integer noise to them (lemmas L5, L6, L8). For the files
// of this room only: others use dp/mechanism/distributed_gaussian.h.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "dp/analysis/calibrate.h"
#include "dp/mechanism/integer_noise.h"
#include "dp/mechanism/run_facts.h"

namespace veilsum::dp {

// What an adversary sees: some number of honest shares, one customer's data at some number of
// merchants, where it trains, and at others, where it is held out.
struct View {
  double shares;
  unsigned merchants = 1;
  unsigned held_out = 0;
  bool customer = false;  // rather than the unit of the claim, where they differ (merchant mode)
};

// A view of a run as an accountant sees it: ideal Gaussian events, and the distance to the ideal.
struct ViewedRun {
  PrivacySchedule schedule;
  AttemptCharge distance;  // kl and linear, over the run
  double overflow = 0;     // plain addition to delta
};

// Appends one sum as somebody sees it to whom `shares` honest shares are noise, of a person at
// `merchants` merchants. Noise without bounds tells nothing and adds nothing.
void AddSum(ViewedRun& run, const SumFacts& sum, double members, const SumNoise& noise,
            double shares, unsigned merchants = 1, bool customer = false);
ViewedRun ViewRun(const RunFacts& facts, const RunNoise& noise, const View& view);

struct ViewLoss {
  double epsilon = kInfinity;
  double order = 0;
  double slack = kInfinity;
};

// The least epsilon found with delta_accountant(epsilon) + slack(epsilon) <= delta.
ViewLoss LossOf(AccountantKind kind, const ViewedRun& run, double delta);

// The least noise whose loss by the run's accountant is at most `epsilon`.
absl::StatusOr<Calibration> LeastNoiseOf(
    const RunFacts& facts, double epsilon,
    const std::function<ViewedRun(double noise_multiplier)>& run);

// What the attempts of a sum cost in the budget filter at integer order a* (PricesOfTraining).
std::vector<PricedAttempts> PricesOf(const SumFacts& sum, double members, const SumNoise& noise,
                                     std::uint32_t order);

// What one release costs an accountant at each default order.
std::vector<double> RdpPerRelease(const SumFacts& sum, const SumNoise& noise);

PrivacyStatement MakeStatement(const RunFacts& facts, const RunNoise& noise);
PrivacyStatement NoStatement(double delta);  // of mode none

// InvalidArgument when integer noise, sampler and padding cost more than delta / 100 (DP-18).
absl::Status CheckSlack(const PrivacyStatement& statement);

}  // namespace veilsum::dp
