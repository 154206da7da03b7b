// One merchant's share of the noise, added in the one function that turns a clipped sum into
// something that may be sent (DP-13).
#pragma once

#include <memory>

#include "base/secure_rng.h"
#include "dp/clip/clipped_sum.h"
#include "dp/sampler/discrete_gaussian.h"

namespace veilsum::dp {

class NoiseShare {
 public:
  // `share_sigma`: standard deviation of this merchant's integer noise, grid units, from the signed
  // contract and from nowhere else. InvalidArgument outside [8, 2^50]. Builds the sampler's table
  // (a few milliseconds): make one per sum and keep it.
  static absl::StatusOr<NoiseShare> Create(double share_sigma);
  // Mode none (SE-12): adds nothing and protects nobody against the sum.
  static NoiseShare CreateWithoutPrivacy() { return NoiseShare(nullptr); }

  bool is_private() const { return sampler_ != nullptr; }
  double share_sigma() const { return sampler_ ? sampler_->sigma() : 0.0; }

  // Draws 32 fresh bytes of `rng`, derives keys from them for this call alone (DP-12), adds one
  // sample per coordinate. The same sum must never be noised twice: hence it is consumed.
  // Thread-safe if `rng` is.
  NoisedVector AddTo(ClippedSum&& sum, SecureRng& rng) const;

 private:
  explicit NoiseShare(std::shared_ptr<const DiscreteGaussianSampler> sampler)
      : sampler_(std::move(sampler)) {}
  std::shared_ptr<const DiscreteGaussianSampler> sampler_;
};

}  // namespace veilsum::dp
