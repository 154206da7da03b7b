#include "coordinator/rollout/gates.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

namespace veilsum::coordinator {
namespace {

constexpr double kPower = 0.842;  // of a standard normal: 80 % lies below

// A value that must not exceed `limit`, known as an interval.
GateResult AtMost(const char* name, OnBreach on_breach, double value, double low, double high,
                  double limit) {
  GateResult out{name, Verdict::kInconclusive, on_breach, value, low, high, limit, 0, ""};
  if (high <= limit) out.verdict = Verdict::kPass;
  if (low > limit) out.verdict = Verdict::kBreach;
  if (!std::isfinite(low) || !std::isfinite(high)) out.verdict = Verdict::kInconclusive;
  return out;
}

GateResult Unknown(const char* name, OnBreach on_breach, double limit, std::string why) {
  return {name, Verdict::kInconclusive, on_breach, 0, 0, 0, limit, 0, std::move(why)};
}

// Shares of a noisy histogram by bin, labels taken together, and the variance of each share from
// noise and sampling.
struct Shares {
  std::vector<double> share, variance;
  bool visible = true;  // every bin that holds anything stands out of the noise
};

Shares SharesOf(const dp::ScoreHistogram& histogram) {
  const auto& [grid, noise_sigma, cells] = histogram;
  const double unit = std::ldexp(1.0, grid.scale_log2);
  Shares out{std::vector<double>(grid.bins), std::vector<double>(grid.bins)};
  double total = 0;
  for (const std::int64_t cell : cells) total += static_cast<double>(cell) / unit;
  const double noise = 2 * noise_sigma * noise_sigma / (unit * unit);  // of a bin: two cells
  for (std::uint32_t i = 0; i < grid.bins; ++i) {
    const double count = static_cast<double>(cells[i] + cells[i + grid.bins]) / unit;
    out.share[i] = count / total;
    out.variance[i] = (noise + std::max(count, 0.0)) / (total * total);
  }
  out.visible = total > 0 && std::isfinite(total);
  return out;
}

// The calibration error of noisy bins. Noise n_i in `observed` moves it by at most sum w_i |n_i|,
// whose mean is below `mean`; it is Lipschitz in the noise with constant `root`, so it passes mean
// + z root no more often than a normal passes z (Gaussian concentration: Boucheron, Lugosi and
// Massart 2013, theorem 5.6).
struct Calibration {
  double error = 0, mean = 0, root = 0;
  bool visible = false;
};
Calibration CalibrationOf(std::span<const dp::ReliabilityBin> bins) {
  Calibration out;
  double total = 0, squares = 0;
  for (const dp::ReliabilityBin& bin : bins) total += bin.customers;
  out.visible = total > 0 && std::isfinite(total);
  if (!out.visible) return out;
  for (const dp::ReliabilityBin& bin : bins) {
    const double weight = bin.customers / total, noise = weight * bin.error;
    out.error += weight * std::abs(bin.predicted - bin.observed);
    out.mean += noise * std::sqrt(2 / std::numbers::pi);
    squares += noise * noise;
  }
  out.root = std::sqrt(squares);
  return out;
}

// The bounds of a quantile of the latency histogram: ranks n q -+ z sqrt(n q (1 - q)).
struct Range {
  double low, high, middle;
};
Range QuantileOf(const ServingCounters& counters, double q, double z) {
  const double n = static_cast<double>(counters.requests);
  const double spread = z * std::sqrt(n * q * (1 - q));
  const auto at = [&](double rank) {
    double seen = 0;
    for (std::size_t i = 0; i < counters.latency.size(); ++i) {
      seen += static_cast<double>(counters.latency[i]);
      if (seen >= rank) return rollout::LatencyBucketEnd(i);
    }
    return std::numeric_limits<double>::infinity();
  };
  // A bucket says its time only to a factor of 2^(1/4): the lower bound is the bucket's lower end.
  return {at(n * q - spread) / std::exp2(0.25),
          n * q + spread > n ? std::numeric_limits<double>::infinity() : at(n * q + spread),
          at(n * q)};
}

}  // namespace

std::string_view VerdictName(Verdict verdict) {
  return verdict == Verdict::kPass     ? "pass"
         : verdict == Verdict::kBreach ? "breach"
                                       : "inconclusive";
}

double SpentAlpha(double alpha, std::uint32_t look) {
  const double k = look;
  return alpha * 6 / (std::numbers::pi * std::numbers::pi * k * k);
}

// Bisection of erfc: exact to double, and no table.
double UpperQuantile(double alpha) {
  double low = 0, high = 40;
  for (int i = 0; i < 100; ++i) {
    const double middle = (low + high) / 2;
    (std::erfc(middle / std::numbers::sqrt2) / 2 > alpha ? low : high) = middle;
  }
  return high;
}

GateResult QualityGate(const dp::PrivateAuc& canary, const dp::PrivateAuc& baseline,
                       const GateLimits& limits, std::uint32_t look) {
  const double error = std::hypot(canary.standard_error, baseline.standard_error);
  const double z = UpperQuantile(SpentAlpha(limits.alpha, look));
  const double loss = baseline.auc - canary.auc;
  GateResult out = AtMost("quality", OnBreach::kRollback, loss, loss - z * error, loss + z * error,
                          limits.auc_loss);
  out.detectable = limits.auc_loss + (z + kPower) * error;
  return out;
}

// Population stability index sum (c - b) ln(c / b). Near b it is the squared length of c - b in the
// metric 1 / b, so noise of squared length at most `norm`^2 moves its root by at most `norm`. With
// w = variance / share of each bin, norm^2 = sum w + z sqrt(2 sum w^2) + z^2 max w (Laurent and
// Massart 2000, lemma 1, with t = z^2 / 2).
GateResult DriftGate(const dp::ScoreHistogram& canary, const dp::ScoreHistogram& baseline,
                     const GateLimits& limits, std::uint32_t look) {
  const std::uint32_t bins = canary.grid.bins;
  if (baseline.grid.bins != bins || canary.cells.size() != 2 * std::size_t{bins} ||
      baseline.cells.size() != canary.cells.size())
    return Unknown("drift", OnBreach::kPause, limits.drift, "histograms of another size");
  const Shares c = SharesOf(canary), b = SharesOf(baseline);
  if (!c.visible || !b.visible)
    return Unknown("drift", OnBreach::kPause, limits.drift, "noise hides whether there is anybody");
  double index = 0, sum = 0, squares = 0, largest = 0;
  for (std::uint32_t i = 0; i < bins; ++i) {
    const double variance = c.variance[i] + b.variance[i];
    // What may be empty counts as what noise could make of it.
    const double x = std::max(c.share[i], std::sqrt(variance));
    const double y = std::max(b.share[i], std::sqrt(variance));
    if (!(x > 0) || !(y > 0)) continue;
    index += (x - y) * std::log(x / y);
    const double weight = variance / y;
    sum += weight;
    squares += weight * weight;
    largest = std::max(largest, weight);
  }
  const double z = UpperQuantile(SpentAlpha(limits.alpha, look));
  const double norm = std::sqrt(sum + z * std::sqrt(2 * squares) + z * z * largest);
  const double root = std::sqrt(index), low = std::max(root - norm, 0.0);
  GateResult out = AtMost("drift", OnBreach::kPause, index, low * low,
                          (root + norm) * (root + norm), limits.drift);
  const double seen = std::sqrt(limits.drift) + 2 * norm;
  out.detectable = seen * seen;
  return out;
}

GateResult CalibrationGate(std::span<const dp::ReliabilityBin> canary,
                           std::span<const dp::ReliabilityBin> baseline, const GateLimits& limits,
                           std::uint32_t look) {
  const Calibration c = CalibrationOf(canary), b = CalibrationOf(baseline);
  if (!c.visible || !b.visible)
    return Unknown("calibration", OnBreach::kPause, limits.calibration,
                   "noise hides whether there is anybody");
  const double z = UpperQuantile(SpentAlpha(limits.alpha, look));
  const double width = c.mean + b.mean + z * std::hypot(c.root, b.root), more = c.error - b.error;
  GateResult out =
      AtMost("calibration", OnBreach::kPause, more, more - width, more + width, limits.calibration);
  out.detectable = limits.calibration + 2 * width;
  return out;
}

GateResult ErrorGate(const ServingCounters& canary, const ServingCounters& baseline,
                     const GateLimits& limits, std::uint32_t look) {
  if (canary.requests < limits.requests_min || baseline.requests < limits.requests_min)
    return Unknown("errors", OnBreach::kRollback, limits.error_rate, "too few requests");
  // Agresti and Caffo (2000): one success and one failure added to each side, so that the interval
  // does not shrink to a point when nothing has failed.
  const auto share = [](const ServingCounters& s) {
    return (static_cast<double>(s.errors) + 1) / (static_cast<double>(s.requests) + 2);
  };
  const auto variance = [&](const ServingCounters& s) {
    return share(s) * (1 - share(s)) / (static_cast<double>(s.requests) + 2);
  };
  const double more = share(canary) - share(baseline);
  const double error = std::sqrt(variance(canary) + variance(baseline));
  const double z = UpperQuantile(SpentAlpha(limits.alpha, look));
  GateResult out = AtMost("errors", OnBreach::kRollback, more, more - z * error, more + z * error,
                          limits.error_rate);
  out.detectable = limits.error_rate + (z + kPower) * error;
  return out;
}

GateResult LatencyGate(const ServingCounters& canary, const ServingCounters& baseline,
                       const GateLimits& limits, std::uint32_t look) {
  if (canary.requests < limits.requests_min || baseline.requests < limits.requests_min)
    return Unknown("latency", OnBreach::kRollback, limits.latency_ratio, "too few requests");
  const double z = UpperQuantile(SpentAlpha(limits.alpha, look) / 2);
  const Range c = QuantileOf(canary, 0.99, z), b = QuantileOf(baseline, 0.99, z);
  // Buckets are a quarter of an octave wide. Where both ranges are the same bucket the two cannot
  // be told apart, and that is as equal as this histogram can say.
  GateResult out = AtMost("latency", OnBreach::kRollback, c.middle / b.middle, c.low / b.high,
                          c.high / b.low, limits.latency_ratio);
  if (c.low == b.low && c.high == b.high && std::isfinite(c.high)) out.verdict = Verdict::kPass;
  out.detectable = limits.latency_ratio * std::exp2(0.25) * b.high / b.low;
  return out;
}

GateResult IntegrityGate(const ServingCounters& canary) {
  const auto failed = static_cast<double>(canary.refused_integrity);
  if (canary.installed + canary.refused_integrity == 0)
    return Unknown("integrity", OnBreach::kRevoke, 0, "no client has reported");
  return AtMost("integrity", OnBreach::kRevoke, failed, failed, failed, 0);
}

GateResult NumericGate(const ServingCounters& canary) {
  const auto failed = static_cast<double>(canary.refused_numbers);
  if (canary.installed + canary.refused_numbers == 0)
    return Unknown("numeric", OnBreach::kRollback, 0, "no client has reported");
  return AtMost("numeric", OnBreach::kRollback, failed, failed, failed, 0);
}

}  // namespace veilsum::coordinator
