// Means over customers who are known by noisy counts only: ratios of noisy totals with 95 %
// intervals by the delta method. Post-processing.
#pragma once

#include <cstddef>
#include <span>

namespace veilsum::dp {

// An estimate with its 95 % interval, noise and sampling together.
struct PrivateFigure {
  double value, low, high;
};

// The mean of `score` over customers, score[i] being that of a customer of cell i. `counts`: of
// each cell, in customers, as many as scores; `sigma`: standard deviation of the noise in each.
// Means nothing unless the sum of `counts` is above 0.
PrivateFigure NoisyMean(std::span<const double> counts, std::span<const double> score,
                        double sigma);

// All three in [low, high].
PrivateFigure Within(PrivateFigure figure, double low, double high);

// The weight of score bin `bin` of `bins` in a share of predictions above 1/2: 0 or 1; of an odd
// number of bins the middle one counts half.
double AboveHalf(std::size_t bin, std::size_t bins);

}  // namespace veilsum::dp
