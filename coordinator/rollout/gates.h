// Whether a release may go on: a comparison of those who have it with those who do not, from what
// clients reported. Each answer is an interval; noise that was added for privacy and the size of
// the sample are both in it. What cannot be told is inconclusive, and never passes. Limits:
// audit-rollout-tenancy-operations B4. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "dp/mechanism/private_auc.h"
#include "model/rollout/latency_buckets.h"

namespace veilsum::coordinator {

enum class Verdict { kPass, kInconclusive, kBreach };
std::string_view VerdictName(Verdict verdict);
// What a breach leads to.
enum class OnBreach { kPause, kRollback, kRevoke };

struct GateResult {
  std::string name;
  Verdict verdict = Verdict::kInconclusive;
  OnBreach on_breach = OnBreach::kPause;
  double value = 0, low = 0, high = 0;  // the estimate and its interval
  double limit = 0;
  double detectable = 0;  // a true value beyond this would be a breach four times in five
  std::string why;        // of an answer without numbers
};

// The error that look number `look` (from 1) may spend of `alpha`: 6 / (pi^2 look^2) of it, so that
// all looks of a rollout together spend no more than alpha.
double SpentAlpha(double alpha, std::uint32_t look);
// The standard normal's upper quantile, alpha in (0, 1/2].
double UpperQuantile(double alpha);

struct GateLimits {
  double alpha = 0.025;             // one side, over all looks
  double auc_loss = 0.002;          // may be lost
  double drift = 0.2;               // population stability index
  double calibration = 0.01;        // expected calibration error, more than the baseline's
  double error_rate = 0.001;        // more than the baseline's
  double latency_ratio = 1.10;      // of the 99th percentiles
  double veto = 0.25;               // of the merchants that vote may object
  std::uint64_t requests_min = 50;  // below, counters are not even looked at
};

// Both from private evaluation on the same hold-outs. The two noises are independent; the hold-outs
// are shared, which would narrow the interval and is not used: it is too wide rather than too
// narrow.
GateResult QualityGate(const dp::PrivateAuc& canary, const dp::PrivateAuc& baseline,
                       const GateLimits& limits, std::uint32_t look);
// The predictions themselves, from noisy cells without groups (both labels taken together).
// Inconclusive when noise hides a bin's baseline, or the two have other bins.
GateResult DriftGate(const dp::ScoreHistogram& canary, const dp::ScoreHistogram& baseline,
                     const GateLimits& limits, std::uint32_t look);

// How far probabilities are from what happens: the expected calibration error sum_i w_i
// |predicted_i
// - observed_i| with w_i the bin's share of customers (Guo, Pleiss, Sun and Weinberger 2017), the
// canary's minus the baseline's. Both from private evaluation. Inconclusive without customers.
GateResult CalibrationGate(std::span<const dp::ReliabilityBin> canary,
                           std::span<const dp::ReliabilityBin> baseline, const GateLimits& limits,
                           std::uint32_t look);

// Counters without personal data (unprotected quantities, listed in the report).
struct ServingCounters {
  std::uint64_t requests = 0, errors = 0;
  std::array<std::uint64_t, rollout::kLatencyBuckets> latency{};  // requests by LatencyBucket
  // Clients by what became of the update.
  std::uint64_t installed = 0;
  std::uint64_t refused_numbers = 0;    // M505, M506: not finite, another output
  std::uint64_t refused_integrity = 0;  // every other code of M5: not what was signed
};

GateResult ErrorGate(const ServingCounters& canary, const ServingCounters& baseline,
                     const GateLimits& limits, std::uint32_t look);
GateResult LatencyGate(const ServingCounters& canary, const ServingCounters& baseline,
                       const GateLimits& limits, std::uint32_t look);
// Exact: one client that cannot verify or compute the release is enough.
GateResult IntegrityGate(const ServingCounters& canary);
GateResult NumericGate(const ServingCounters& canary);

}  // namespace veilsum::coordinator
