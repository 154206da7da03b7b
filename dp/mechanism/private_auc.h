// ROC-AUC and calibration of a hold-out from noisy score histograms: K bins of the predicted
// probability for each label, summed securely like any other vector. A customer spreads a weight of
// at most 1 over its cells, so it moves the exact histograms by at most 1 in L2 (and L1), and the
// rounded sum by at most D2 = s + sqrt(2 K) + fp_err (lemma L1): differential-privacy.md, 1.e.
// Everything here is post-processing of the noisy sum.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/status.h"

namespace veilsum::dp {

// Shape of the sum at one merchant: cells 0..K-1 hold customers with label 0 by bin, K..2K-1 those
// with label 1; bin i is predictions from i / K to (i + 1) / K.
struct ScoreHistogramGrid {
  std::uint32_t bins;   // K, from 2 to 4096
  int scale_log2;       // s = 2^scale_log2 grid points per customer, from 0 to 40
  std::uint64_t users;  // bound on one merchant's customers, added in fp64 before rounding
};

// D2. InvalidArgument naming field and bound.
absl::StatusOr<double> ScoreHistogramSensitivity(const ScoreHistogramGrid& grid);

struct CalibrationBin {
  double predicted;  // the bin's middle
  double observed;   // share of label 1 in it; 0 when the bin is all noise
  double error;      // standard deviation of `observed` from noise and sampling together
};

struct PrivateAuc {
  double auc;             // in [0, 1]
  double standard_error;  // noise and sampling together
  double noise_error;     // noise alone: what more customers or more budget would reduce
  double low, high;       // 95 %, within [0, 1]
  double positives, negatives;
  std::vector<CalibrationBin> calibration;
};

// `sum`: the 2 K noisy cells; `noise_sigma`: standard deviation of the noise in each, grid units.
// Cells below zero count as zero. FailedPrecondition when the noise hides whether there is anybody
// of a label at all (fewer than 4 standard deviations of its total). InvalidArgument: sizes,
// noise_sigma negative or not finite.
absl::StatusOr<PrivateAuc> AucOfHistograms(const ScoreHistogramGrid& grid,
                                           std::span<const std::int64_t> sum, double noise_sigma);

}  // namespace veilsum::dp
