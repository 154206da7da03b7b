#include "dp/mechanism/noise_share.h"

#include <utility>
#include <vector>

namespace veilsum::dp {

absl::StatusOr<NoiseShare> NoiseShare::Create(double share_sigma) {
  VEILSUM_ASSIGN_OR_RETURN(auto sampler, DiscreteGaussianSampler::Create(share_sigma));
  return NoiseShare(std::shared_ptr<const DiscreteGaussianSampler>(std::move(sampler)));
}

NoisedVector NoiseShare::AddTo(ClippedSum&& sum, SecureRng& rng) const {
  std::vector<std::int64_t> integers = std::move(sum.grid_);
  if (sampler_ != nullptr)
    sampler_->AddNoise(rng.NewSecret<32>(), integers);  // DP-12: one seed, one sum
  return NoisedVector(std::move(integers));
}

}  // namespace veilsum::dp
