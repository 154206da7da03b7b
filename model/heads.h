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
  // `outputs` action values, the row's action as its label: Huber's loss of the action's value
  // against reward + discount * the best value that the target model gives the customer's next row
  // (Q-learning with a target network, Mnih et al. 2015, Nature 518, methods). It is the only head.
  kTemporal,
  // `outputs` centres, the segments (model/centres.h): distances to the nearest centre, and how far
  // the stated shares are from the segment (client/train/centre_trainer.h). It is the only head, of
  // a layout without hidden layers; no engine of layers takes it.
  kCentres,
};

struct Head {
  Loss loss = Loss::kLogistic;
  std::size_t outputs = 1;
  double weight = 1;  // of its loss in the sum; a public constant
  double huber = 1;
  // kSoftmax of the first head: how many of the other outputs a row's softmax has on average
  // (sampled softmax); 0: all of them.
  std::size_t negatives = 0;
  double discount = 0;           // kTemporal, in [0, 1)
  std::size_t target_every = 1;  // kTemporal: sums after which the target model is a new one
};

using Heads = std::vector<Head>;

}  // namespace veilsum::model
