// A merchant's part of private evaluation: its hold-out customers by label and by the model's
// predicted probability (dp/mechanism/private_auc.h has the mechanism). Each customer has
// 2^scale_log2 grid points and gives every one of its rows the same whole number of them, so that
// it moves the sum by at most 2^scale_log2 in L1, and so in L2, exactly. With groups all of them go
// to the histogram of the customer's one group. Where a customer's points go is a function of its
// own rows and the model only.
#pragma once

#include "base/status.h"
#include "dp/clip/clipped_sum.h"
#include "model/examples.h"
#include "model/layout.h"

namespace veilsum::client {

struct ScoreHistogramShape {
  std::uint32_t bins = 32;  // of the probability, for each label
  int scale_log2 = 16;
  std::uint64_t padded_rows = 0;  // at least so many rows are scored, whatever the hold-out has
  std::size_t outputs = 1;        // of the model; the first is the logit that is scored
  std::uint32_t groups = 1;       // more than one: holdout.groups says where a customer is
};

// 2 * bins numbers for each group: label 0 by bin, then label 1. A customer with a prediction or a
// label that is not finite, or without rows, contributes exactly zero (DP-09). InvalidArgument:
// bins is not 2 to 4096, scale_log2 not 0 to 40, the model or the examples are not the layout's, or
// it has not `outputs` outputs, or groups are not 1 to 17 or not those of the examples.
absl::StatusOr<dp::ClippedSum> ScoreHistogramSum(const model::Layout& layout,
                                                 const model::ModelVector& model,
                                                 const model::Examples& holdout,
                                                 const ScoreHistogramShape& shape);

// The same integers for a simulator or a test, which may see them without noise.
absl::StatusOr<std::vector<std::int64_t>> ScoreHistograms(const model::Layout& layout,
                                                          const model::ModelVector& model,
                                                          const model::Examples& holdout,
                                                          const ScoreHistogramShape& shape);

}  // namespace veilsum::client
