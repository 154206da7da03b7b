// Two models on the same rows: how much better one is, with a 95 % interval that uses that the rows
// are the same. Exact numbers: only where the hold-out is at home (SE-17).
#pragma once

#include <span>

#include "base/status.h"

namespace veilsum::model {

struct Difference {
  double before = 0, after = 0;
  double value = 0, low = 0, high = 0;  // after - before
};

// ROC-AUC by DeLong, DeLong and Clarke-Pearson (Biometrics 44, 1988), equations 3 to 5, by midranks
// (Sun and Xu 2014). Labels 0 or 1. InvalidArgument: lengths differ, fewer than two rows of a
// label.
absl::StatusOr<Difference> AucDifference(std::span<const float> before,
                                         std::span<const float> after,
                                         std::span<const float> labels);
// Means of values row by row, by the normal approximation. InvalidArgument: lengths differ, fewer
// than two rows.
absl::StatusOr<Difference> MeanDifference(std::span<const double> before,
                                          std::span<const double> after);

}  // namespace veilsum::model
