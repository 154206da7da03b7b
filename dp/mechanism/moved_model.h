// A model that a merchant moves in a round of local steps: plain SGD on integer sums, and a
// penalty. What may be done with it depends on what moved it, which LocalRound and MerchantRound
// know.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/status.h"
#include "dp/mechanism/penalty.h"

namespace veilsum::dp {

struct LocalSgd {
  double learning_rate = 0;  // of the penalty's gradient
  double step_size = 0;      // of a sum: the learning rate over scale and expected batch
  Penalty penalty = {};
};

class MovedModel {
 public:
  // `start`: the parameters that were published.
  MovedModel(std::span<const float> start, LocalSgd sgd)
      : start_(start.begin(), start.end()), model_(start_), sgd_(std::move(sgd)) {}
  const std::vector<float>& start() const { return start_; }
  const std::vector<float>& parameters() const { return model_; }
  // parameters -= step_size * sum + learning_rate * the penalty's gradient, both of the parameters
  // before. InvalidArgument: another length, a rate that is not finite.
  absl::Status Step(std::span<const std::int64_t> sum);

 private:
  std::vector<float> start_, model_;
  LocalSgd sgd_;
};

}  // namespace veilsum::dp
