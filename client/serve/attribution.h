// Which feature moved a prediction, and how far: integrated gradients (Sundararajan, Taly and Yan
// 2017, arXiv 1703.01365) of one output along the straight path from a row without anything
// (numbers at their mean, no category, no word) to the row itself, in the inputs of the first
// layer. What goes around the hidden layers is linear and taken exactly.
#pragma once

#include "model/examples.h"
#include "model/layout.h"
#include "model/plan/plan.h"

namespace veilsum::client {

inline constexpr int kAttributionSteps = 128;  // of the midpoint rule

struct Attribution {
  float logit = 0, baseline = 0;  // of that output
  std::vector<double> features;   // in plan order; their sum is logit - baseline - residual
  double residual = 0;            // what the numerical integral misses
};

// `examples` are of `plan`, whose layout and model these are; row < examples.rows(); `output` is of
// the last layer.
// InvalidArgument: they do not fit each other.
absl::StatusOr<Attribution> Attribute(const model::Plan& plan, const model::Layout& layout,
                                      const model::ModelVector& model,
                                      const model::Examples& examples, std::size_t row,
                                      std::size_t output = 0);

}  // namespace veilsum::client
