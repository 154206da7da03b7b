// The only thing that a mechanism accepts: a sum over customers, each of whom contributes at most
// `clip_norm` in L2, rounded to the grid of the plan's scale: value j is round(scale * (sum of
// clipped vectors)_j).
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

namespace veilsum::dp {

class ClippedSum {
 public:
  // The name is the promise: whoever calls this has clipped every customer to the mechanism's
  // sensitivity (DP-02, DP-08).
  static ClippedSum FromCertifiedContributions(std::vector<std::int64_t> grid) {
    return ClippedSum(std::move(grid));
  }
  ClippedSum(ClippedSum&&) = default;
  ClippedSum& operator=(ClippedSum&&) = default;
  ClippedSum(const ClippedSum&) = delete;
  std::size_t size() const { return grid_.size(); }

 private:
  friend class NoiseShare;     // adds noise and makes a NoisedVector of it
  friend class BandEncoder;    // combines sums of several steps
  friend class MerchantRound;  // moves a model that leaves only as a clipped update
  explicit ClippedSum(std::vector<std::int64_t> grid) : grid_(std::move(grid)) {}
  std::vector<std::int64_t> grid_;
};

// Integers with this merchant's noise share in them: what may be masked and sent. Reduced modulo
// 2^k only when masked.
class NoisedVector {
 public:
  NoisedVector(NoisedVector&&) = default;
  NoisedVector& operator=(NoisedVector&&) = default;
  NoisedVector(const NoisedVector&) = delete;
  const std::vector<std::int64_t>& integers() const { return integers_; }

 private:
  friend class NoiseShare;
  friend class LocalRound;  // a function of NoisedVectors and public numbers
  explicit NoisedVector(std::vector<std::int64_t> integers) : integers_(std::move(integers)) {}
  std::vector<std::int64_t> integers_;
};

}  // namespace veilsum::dp
