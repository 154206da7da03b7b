// What a model's outputs mean and how they are trained. Several heads share one trunk; each takes
// consecutive outputs of the last layer, in order.
#pragma once

#include <cstddef>
#include <vector>

namespace veilsum::model {

enum class Loss {
  kLogistic,  // one output, a logit; label 0 or 1
  kSoftmax,   // `outputs` logits; label 0, 1, ..., outputs - 1
  kSquared,   // one output; (z - label)^2 / 2
  kHuber,     // one output; as kSquared up to |z - label| = huber, then linear (Huber 1964)
};

struct Head {
  Loss loss = Loss::kLogistic;
  std::size_t outputs = 1;
  double weight = 1;  // of its loss in the sum; a public constant
  double huber = 1;
};

using Heads = std::vector<Head>;

}  // namespace veilsum::model
