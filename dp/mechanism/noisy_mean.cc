#include "dp/mechanism/noisy_mean.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/two_sided.h"

namespace veilsum::dp {

PrivateFigure NoisyMean(std::span<const double> counts, std::span<const double> score,
                        double sigma) {
  const double total = std::accumulate(counts.begin(), counts.end(), 0.0);
  double sum = 0, noise = 0, sampling = 0;
  for (std::size_t i = 0; i < score.size(); ++i) sum += counts[i] * score[i];
  const double mean = sum / total;
  for (std::size_t i = 0; i < score.size(); ++i) {
    const double slope = (score[i] - mean) / total;
    noise += slope * slope * sigma * sigma;
    sampling += slope * slope * counts[i];
  }
  const double half = kTwoSided95 * std::sqrt(noise + std::max(0.0, sampling));
  return {mean, mean - half, mean + half};
}

PrivateFigure Within(PrivateFigure figure, double low, double high) {
  for (double* value : {&figure.value, &figure.low, &figure.high})
    *value = std::clamp(*value, low, high);
  return figure;
}

double AboveHalf(std::size_t bin, std::size_t bins) {
  return 2 * bin + 1 > bins ? 1 : 2 * bin + 1 == bins ? 0.5 : 0;
}

}  // namespace veilsum::dp
