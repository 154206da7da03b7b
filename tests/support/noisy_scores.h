// What merchants' hold-outs could have said of a model.
#pragma once

#include <cmath>
#include <random>

#include "dp/mechanism/private_auc.h"

namespace veilsum {

// Normal scores of both labels, `apart` from each other, every fourth customer of label 1, with
// rounded normal noise: good enough where no privacy is at stake.
inline dp::ScoreHistogram NoisyScores(double apart, int customers, std::uint64_t seed) {
  constexpr std::uint32_t kBins = 32;
  dp::ScoreHistogram out{{kBins, 8}, 3000, std::vector<std::int64_t>(2 * kBins)};
  std::mt19937_64 rng(seed);
  std::normal_distribution<double> normal;
  for (int i = 0; i < customers; ++i) {
    const bool positive = i % 4 == 0;
    const double p = 1 / (1 + std::exp(-(normal(rng) + (positive ? apart : 0) - apart / 2)));
    out.cells[(positive ? kBins : 0) + dp::ScoreBin(p, kBins)] += 256;
  }
  for (std::int64_t& cell : out.cells) cell += std::llround(out.noise_sigma * normal(rng));
  return out;
}

}  // namespace veilsum
