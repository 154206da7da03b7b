// Only a noise share turns a clipped sum into what may be sent, once, and only a certified sum goes in (DP-12, DP-13).
#include <utility>

#include "dp/mechanism/noise_share.h"

namespace veilsum::dp {

NoisedVector Use(const NoiseShare& share, std::vector<std::int64_t> grid, SecureRng& rng) {
  ClippedSum sum = ClippedSum::FromCertifiedContributions(std::move(grid));
#if defined(WITHOUT_NOISE)
  return NoisedVector(std::vector<std::int64_t>{1, 2, 3});
#elif defined(SUM_AS_NOISED)
  return std::move(sum);
#elif defined(WITHOUT_CLIPPING)
  return share.AddTo(std::vector<std::int64_t>{1, 2, 3}, rng);
#elif defined(KEEPING_THE_SUM)
  return share.AddTo(sum, rng);
#elif defined(COPYING_THE_SUM)
  ClippedSum twice = sum;
  return share.AddTo(std::move(twice), rng);
#elif defined(COPYING_THE_RESULT)
  const NoisedVector noised = share.AddTo(std::move(sum), rng);
  return noised;
#elif defined(READING_THE_SUM)
  return share.AddTo(std::move(sum), rng), NoisedVector(sum.grid_);
#elif defined(SHARE_OF_ZERO)
  return NoiseShare(nullptr).AddTo(std::move(sum), rng);
#else
  return share.AddTo(std::move(sum), rng);
#endif
}

}  // namespace veilsum::dp
