// How good a binary classifier's logits are. Exact numbers: only where the hold-out is at home
// (SE-17).
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "base/status.h"

namespace veilsum::model {

struct CalibrationBin {
  std::size_t count = 0;
  double mean_prediction = 0;  // of those in the bin; 0 when empty
  double positive_rate = 0;
};

struct BinaryMetrics {
  std::size_t rows = 0, positives = 0;
  std::optional<double> roc_auc;  // ties count one half; none when only one class is present
  std::optional<double> pr_auc;   // average precision, ties taken together; none without a positive
  double accuracy = 0;            // at probability 0.5, logit 0 counts as positive
  double majority_accuracy = 0;   // of always answering the more frequent label
  double log_loss = 0;            // mean, natural logarithm, computed from logits
  std::vector<CalibrationBin> calibration;  // equal widths over [0, 1]
};

// InvalidArgument: nothing to score, different lengths, a label that is not 0 or 1, a logit that is
// not finite.
absl::StatusOr<BinaryMetrics> EvaluateBinary(std::span<const float> logits,
                                             std::span<const float> labels,
                                             std::size_t calibration_bins = 10);

}  // namespace veilsum::model
