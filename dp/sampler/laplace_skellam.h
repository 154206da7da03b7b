// Two more kinds of integer noise from a table, for vectors that the discrete Gaussian does not
// suit: discrete Laplace, p(k) ~ exp(-|k| / t), which is pure epsilon-DP at t = sensitivity (L1) /
// epsilon (Ghosh, Roughgarden, Sundararajan 2009); and Skellam of variance mu, p(k) = e^-mu
// I_k(mu), whose sums over merchants are Skellam again, for small rings (Agarwal, Kairouz, Liu,
// arXiv 2110.04995). As exact as the Gaussian's table (DP-11): entries within 1 of 2^-128, tails of
// at most 2^-135 cut.
#pragma once

#include <memory>

#include "base/status.h"
#include "dp/sampler/fixed_point.h"
#include "dp/sampler/symmetric_table.h"

namespace veilsum::dp {

// Immutable after construction; thread-safe.
class TableSampler {
 public:
  // Scale t = numerator / denominator. InvalidArgument outside [1/8, 2048].
  static absl::StatusOr<std::unique_ptr<const TableSampler>> DiscreteLaplace(
      std::uint64_t numerator, std::uint64_t denominator);
  // InvalidArgument unless 1 <= variance <= 2^20: beyond, use the discrete Gaussian.
  static absl::StatusOr<std::unique_ptr<const TableSampler>> Skellam(std::uint64_t variance);

  std::int64_t bound() const { return table_.offset(); }
  // Bound on the total variation distance between a sample and the named distribution.
  double distance_per_sample() const;
  // As DiscreteGaussianSampler::AddNoise.
  void AddNoise(const Secret<32>& seed, std::span<std::int64_t> values) const;

 private:
  TableSampler(const std::vector<FixedPoint>& weights, const char* label);
  SymmetricTable table_;
  const char* label_;
};

// Weights of 0 .. radius, up to a common factor, for the tables above and their tests.
std::vector<FixedPoint> LaplaceWeights(std::uint64_t numerator, std::uint64_t denominator);
std::vector<FixedPoint> SkellamWeights(std::uint64_t variance);

}  // namespace veilsum::dp
