// An exact, slow sampler of the discrete Gaussian by another method, as an oracle for the table
// sampler. Canonne, Kamath, Steinke, "The Discrete Gaussian for Differential Privacy" (arXiv
// 2004.00010), algorithms 1 to 3.
#pragma once

#include <cstdint>
#include <span>

#include "base/secure_rng.h"

namespace veilsum::dp {

class CksSampler {
 public:
  // `sigma` an integer from 1 to 1024, so that every probability is a ratio of 64-bit integers.
  CksSampler(std::uint64_t sigma, SecureRng& rng) : sigma_(sigma), rng_(rng) {}

  std::int64_t Sample() {
    const std::uint64_t scale = sigma_ + 1;
    while (true) {
      const std::int64_t y = DiscreteLaplace(scale);
      // Accept with probability exp(-(|y| - sigma^2 / scale)^2 / (2 sigma^2)), all multiplied by
      // scale^2.
      const auto magnitude = static_cast<std::int64_t>(y < 0 ? -y : y);
      const std::int64_t offset =
          magnitude * static_cast<std::int64_t>(scale) - static_cast<std::int64_t>(sigma_ * sigma_);
      if (BernoulliExp(static_cast<std::uint64_t>(offset * offset),
                       2 * sigma_ * sigma_ * scale * scale))
        return y;
    }
  }

  // p(k) ~ exp(-|k| / scale) (algorithm 2).
  std::int64_t DiscreteLaplace(std::uint64_t scale) {
    while (true) {
      const std::uint64_t u = Below(scale);
      if (!BernoulliExp(u, scale)) continue;
      std::uint64_t v = 0;
      while (BernoulliExpBelowOne(1, 1)) ++v;
      const auto x = static_cast<std::int64_t>(u + scale * v);
      const bool negative = Below(2) == 1;
      if (negative && x == 0) continue;
      return negative ? -x : x;
    }
  }

 private:
  std::uint64_t Below(std::uint64_t bound) {
    while (true) {
      std::uint64_t word;
      rng_.Fill({reinterpret_cast<std::uint8_t*>(&word), sizeof word});
      if (word < ~std::uint64_t{0} - ~std::uint64_t{0} % bound) return word % bound;
    }
  }
  bool Bernoulli(std::uint64_t numerator, std::uint64_t denominator) {
    return Below(denominator) < numerator;
  }

  // True with probability exp(-numerator / denominator).
  bool BernoulliExp(std::uint64_t numerator, std::uint64_t denominator) {
    for (; numerator > denominator; numerator -= denominator)
      if (!BernoulliExpBelowOne(1, 1)) return false;
    return BernoulliExpBelowOne(numerator, denominator);
  }
  bool BernoulliExpBelowOne(std::uint64_t numerator, std::uint64_t denominator) {
    std::uint64_t k = 1;
    while (Bernoulli(numerator, denominator) && Bernoulli(1, k)) ++k;
    return k % 2 == 1;
  }

  std::uint64_t sigma_;
  SecureRng& rng_;
};

}  // namespace veilsum::dp
