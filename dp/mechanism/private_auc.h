// ROC-AUC and calibration of a hold-out from noisy score histograms: K bins of the predicted
// probability for each label, summed securely like any other vector. A customer spreads at most
// s = 2^scale_log2 whole grid points over its cells, so it moves the sum by at most D2 = s in L2
// (and in L1), whatever anybody else's predictions are: no rounding follows. Theory:
// differential-privacy.md, 1.e, with the plain estimate instead of the clamped one
// (docs/decisions/0015). Everything here is post-processing of the noisy sum.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/status.h"
#include "dp/mechanism/noisy_mean.h"

namespace veilsum::dp {

// Shape of the sum at one merchant: cells 0..K-1 hold customers with label 0 by bin, K..2K-1 those
// with label 1. Bins have equal width in the angle asin(sqrt(p)), in which the spread of an
// observed share is the same everywhere (Anscombe 1948): where most predictions are small, as with
// rare labels, they still fall into many bins. With groups there is such a histogram of each, one
// after another, and every customer is in the histogram of one group: D2 is what it is without.
inline constexpr std::uint32_t kMaxScoreGroups = 17;
struct ScoreHistogramGrid {
  std::uint32_t bins;        // K, from 2 to 4096
  int scale_log2;            // s = 2^scale_log2 grid points per customer, from 0 to 40
  std::uint32_t groups = 1;  // from 1 to kMaxScoreGroups
};

// The bin of a probability in [0, 1], and the probability in the middle of a bin.
std::uint32_t ScoreBin(double probability, std::uint32_t bins);
double ScoreBinMiddle(std::uint32_t bin, std::uint32_t bins);

inline std::uint64_t ScoreHistogramDimension(const ScoreHistogramGrid& grid) {
  return 2 * std::uint64_t{grid.bins} * grid.groups;
}
// D2 = s. InvalidArgument naming field and bound.
absl::StatusOr<double> ScoreHistogramSensitivity(const ScoreHistogramGrid& grid);

// A noisy sum with what is needed to read it.
struct ScoreHistogram {
  ScoreHistogramGrid grid;
  double noise_sigma = 0;                // standard deviation of the noise in each cell, grid units
  std::vector<std::int64_t> cells = {};  // ScoreHistogramDimension(grid)
};
// All groups taken together: the cells add up, and so does their noise. InvalidArgument: cells of
// another number than the grid's.
absl::StatusOr<ScoreHistogram> WithoutGroups(const ScoreHistogram& histogram);

// A tenth of the bins, or one where there are fewer than ten.
struct ReliabilityBin {
  double predicted;  // mean of the bins' middles by their noisy counts
  double observed;   // share of label 1 in it, in [0, 1]; 0 when all of it is noise
  double error;      // standard deviation of `observed` from noise and sampling together, at most 1
  double customers;  // noisy; 0 when all of it is noise
};

struct PrivateAuc {
  double auc;             // in [0, 1]; customers of one bin count one half, as ties
  double standard_error;  // noise, and that the hold-out is a sample, together
  double noise_error;     // noise alone: what more customers or more budget would reduce
  double low, high;       // 95 %, within [0, 1]
  double positives, negatives;
  std::vector<ReliabilityBin> calibration;
  // Share of customers on the right side of a probability of 1/2, in [0, 1]; of an odd number of
  // bins the middle one counts half.
  PrivateFigure accuracy;
  // Mean of -ln of the probability given to what was true, at least 0, as if the angles of a bin's
  // predictions were even within it.
  PrivateFigure log_loss;
};

// Of all groups together. `sum`: the 2 K noisy cells of each group; `noise_sigma`: standard
// deviation of the noise in each, grid units. The estimate is a ratio of sums of noisy cells,
// negative ones included: clamping would pull it towards 1/2. FailedPrecondition when the noise
// hides whether there is anybody of a label at all (fewer than 4 standard deviations of its total).
// InvalidArgument: sizes, noise_sigma negative or not finite.
absl::StatusOr<PrivateAuc> AucOfHistograms(const ScoreHistogramGrid& grid,
                                           std::span<const std::int64_t> sum, double noise_sigma);

// One group's figures, at a probability of 1/2; of an odd number of bins the middle one counts
// half.
struct PrivateGroup {
  PrivateFigure auc;
  PrivateFigure selected;  // share of customers that are predicted to be of label 1
  PrivateFigure true_positives, false_positives;  // the same among those of label 1, of label 0
  double positives, negatives;                    // noisy
};

// `group`: its place. Errors of AucOfHistograms, for this group's cells; InvalidArgument: there is
// no such group.
absl::StatusOr<PrivateGroup> GroupOfHistograms(const ScoreHistogramGrid& grid, std::uint32_t group,
                                               std::span<const std::int64_t> sum,
                                               double noise_sigma);

}  // namespace veilsum::dp
