// Only a noise share turns a clipped sum into what may be sent, once, and only a certified sum goes
// in (DP-12, DP-13).
#include <utility>

#include "dp/mechanism/noise_share.h"

namespace veilsum::dp {

NoisedVector Send(const NoiseShare& share, ClippedSum sum, SecureRng& rng) {
  return share.AddTo(std::move(sum), rng);
}

#ifdef WITHOUT_NOISE
NoisedVector WithoutNoise() { return NoisedVector(std::vector<std::int64_t>{1, 2, 3}); }
#endif

#ifdef SUM_AS_NOISED
NoisedVector SumAsNoised(ClippedSum sum) { return std::move(sum); }
#endif

#ifdef WITHOUT_CLIPPING
NoisedVector WithoutClipping(const NoiseShare& share, SecureRng& rng) {
  return share.AddTo(std::vector<std::int64_t>{1, 2, 3}, rng);
}
#endif

#ifdef KEEPING_THE_SUM
NoisedVector KeepingTheSum(const NoiseShare& share, ClippedSum sum, SecureRng& rng) {
  return share.AddTo(sum, rng);
}
#endif

#ifdef COPYING_THE_SUM
ClippedSum CopyingTheSum(const ClippedSum& sum) { return sum; }
#endif

#ifdef COPYING_THE_RESULT
NoisedVector CopyingTheResult(const NoisedVector& noised) { return noised; }
#endif

#ifdef READING_THE_SUM
std::int64_t ReadingTheSum(const ClippedSum& sum) { return sum.grid_[0]; }
#endif

#ifdef SHARE_OF_ZERO
NoiseShare ShareOfZero() { return NoiseShare(nullptr); }
#endif

}  // namespace veilsum::dp
