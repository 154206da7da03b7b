// What one attempt costs a block: the three currencies of the filter, each of which adds up over
// attempts and runs.
#pragma once

namespace veilsum::dp {

struct AttemptCharge {
  double rdp = 0;  // Renyi divergence at the block's order a*
  double kl = 0;   // Kullback-Leibler distance of the integer noise to its ideal: d * 1.5e-6 / S*^8
  double linear = 0;  // total variation: sampler distance and padding overflow
  friend bool operator==(const AttemptCharge&, const AttemptCharge&) = default;
};

}  // namespace veilsum::dp
