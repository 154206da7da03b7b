// The privacy loss of many releases: independent losses add up, so that their distributions are
// convolved, by a Fourier transform of exponentially tilted masses (rule DP-18).
// Sources: Koskela et al. (arXiv 1906.03049) for the composition; the tilt, e^(theta l) / M(theta)
// with theta near the saddle point of T ln M(theta) - theta epsilon, brings the masses that decide
// about delta to the size of 1, where a transform's rounding cannot hide them.
#pragma once

#include <span>

#include "dp/analysis/loss_distribution.h"

namespace veilsum::dp {

struct LossBlock {
  LossDistribution loss;
  std::uint64_t count;  // >= 1
};

// Whether the hockey-stick divergence of the composition at `epsilon` is at most `delta`, as far as
// moments tell: E[(1 - e^(epsilon - L))+] <= E[e^(theta (L - epsilon))] theta^theta / (1 +
// theta)^(1 + theta), for a few theta > 0. Cheap, and never true by mistake. All blocks have the
// same step; epsilon > 0.
bool MomentsShowDelta(std::span<const LossBlock> blocks, double epsilon, double delta);

class ComposedLoss {
 public:
  // All blocks have the same step. Precise for deltas near `delta`, in (0, 1), and an upper bound
  // for every other. `most_bins` bounds the transform's length, hence memory: nullopt-like failure
  // is signalled by fits() == false, upon which the caller takes a larger step.
  static ComposedLoss Compose(std::span<const LossBlock> blocks, double delta,
                              std::size_t most_bins);
  bool fits() const { return fits_; }

  // An upper bound of the hockey-stick divergence at `epsilon` >= 0, never above 1; falls as
  // epsilon grows.
  double DeltaAt(double epsilon) const;
  // The least epsilon >= 0 with DeltaAt(epsilon) <= delta; infinite when the mass at infinity alone
  // exceeds delta.
  double EpsilonAt(double delta) const;

 private:
  ComposedLoss() = default;
  static ComposedLoss Single(const LossDistribution& loss);
  static ComposedLoss Tilted(std::span<const LossBlock> blocks, double theta, double delta,
                             std::size_t most_bins);
  void SumFromAbove(const std::vector<double>& mass);
  double At(std::int64_t index) const { return static_cast<double>(index) * step_; }
  // The transform's error in all masses above `epsilon`.
  double ErrorAbove(double epsilon) const;
  double DeltaAbove(std::size_t first, double epsilon) const;

  bool fits_ = true;
  double step_ = 0;
  std::int64_t lowest_ = 0;  // below it nothing is known
  double infinity_ = 0;
  std::vector<double> p_above_, q_above_;  // sums of mass, and of mass e^(reference - loss)
  double reference_ = 0;
  double theta_ = 0, log_scale_ = 0, log_error_ = 0;  // ErrorAbove; log_error_ -infinity: exact
  bool truncated_below_ = false;
};

}  // namespace veilsum::dp
