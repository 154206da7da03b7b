// How long requests to a release take, as a histogram: counted by the endpoint that serves it, read
// by the gate that compares two releases.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace veilsum::rollout {

// Four to an octave: a bucket says a time to a factor of 2^(1/4).
inline constexpr std::size_t kLatencyBuckets = 96;

// The end of a bucket in microseconds; the last one has none and takes everything above.
inline double LatencyBucketEnd(std::size_t bucket) {
  return std::exp2(static_cast<double>(bucket) / 4);
}

inline std::size_t LatencyBucket(double microseconds) {
  const double bucket = std::floor(4 * std::log2(std::max(microseconds, 1.0))) + 1;
  return static_cast<std::size_t>(std::min(bucket, double{kLatencyBuckets - 1}));
}

}  // namespace veilsum::rollout
