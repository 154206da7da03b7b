// Integer noise from N_Z(0, sigma^2), p(k) ~ exp(-k^2 / (2 sigma^2)), without floating point
// between key and sample (rule DP-11). X = X0 + m X1 + m^2 X2 + ..., every Xi ~ N_Z(0, s0^2) from
// one table; s0^2 / (1 + m^2) >= 9 keeps the ratio of the result's probabilities to the true ones
// within exp(2^-254) per level (Micciancio and Walter, "Gaussian Sampling over the Integers",
// CRYPTO 2017; Poisson summation).
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/secret.h"
#include "base/status.h"
#include "dp/sampler/symmetric_table.h"

namespace veilsum::dp {

// How a standard deviation is split over levels.
struct SamplerShape {
  int levels;          // number of words per sample
  std::uint32_t step;  // m; 1 with one level
  int table_bits;      // the alias table has 2^table_bits cells
  std::uint64_t
      variance_2_40;  // s0^2 in units of 2^-40, rounded up: noise is never below the plan's
  double sigma;       // of the sum of the levels; at least what was asked for
  // Bound on the total variation distance between one sample and N_Z(0, sigma^2): table rounding,
  // truncation at 13.5 s0, levels.
  double distance_per_sample;
};

// The cheapest shape for `sigma` in [8, 2^50]. InvalidArgument otherwise.
absl::StatusOr<SamplerShape> ChooseSamplerShape(double sigma);

// One level's distribution on -radius .. radius.
class GaussianTable : public SymmetricTable {
 public:
  // Probabilities in units of 2^-128, for 0 .. radius; the negative side mirrors them. Each within
  // 1 of the exact value; together 2^128.
  static std::vector<unsigned __int128> Probabilities(std::uint64_t variance_2_40,
                                                      std::uint32_t radius);
  static std::uint32_t Radius(std::uint64_t variance_2_40);  // floor(13.5 s0)

  GaussianTable(std::uint64_t variance_2_40, int table_bits)
      : SymmetricTable(Probabilities(variance_2_40, Radius(variance_2_40)), table_bits) {}
};

// Immutable after construction; thread-safe.
class DiscreteGaussianSampler {
 public:
  static absl::StatusOr<std::unique_ptr<const DiscreteGaussianSampler>> Create(double sigma);

  double sigma() const { return shape_.sigma; }
  const SamplerShape& shape() const { return shape_; }
  std::int64_t bound() const;  // no sample is larger in absolute value

  // Adds sample i to values[i]. All samples are determined by `seed`, which must be fresh: both
  // streams (words, tie-breaks) are keyed from it by HKDF. Constant words per sample at fixed
  // places of the stream; buffers are wiped.
  void AddNoise(const Secret<32>& seed, std::span<std::int64_t> values) const;

 private:
  explicit DiscreteGaussianSampler(const SamplerShape& shape)
      : shape_(shape), table_(shape.variance_2_40, shape.table_bits) {}
  SamplerShape shape_;
  GaussianTable table_;
};

}  // namespace veilsum::dp
