// Repeatable draws for generated data, never for privacy: draw i of stream s is a hash of (seed, s,
// i), so a customer's values do not depend on how many customers came before. SplitMix64's
// finaliser (Steele, Lea, Flood, OOPSLA 2014). The standard library's distributions differ between
// implementations; these do not.
#pragma once

#include <cmath>
#include <cstdint>
#include <numbers>
#include <span>

namespace veilsum::cli {

class CounterRng {
 public:
  CounterRng(std::uint64_t seed, std::uint64_t stream) : key_(Mix(Mix(seed) + stream)) {}

  std::uint64_t Next() { return Mix(key_ + (++count_) * 0x9e3779b97f4a7c15ULL); }
  // In (0, 1), 53 bits, never an end.
  double Uniform() { return (static_cast<double>(Next() >> 11) + 0.5) * 0x1p-53; }
  bool Chance(double probability) { return Uniform() < probability; }
  // Box-Muller; one of the pair is left, so that every draw takes two numbers.
  double Normal() {
    const double radius = std::sqrt(-2 * std::log(Uniform()));
    return radius * std::cos(2 * std::numbers::pi * Uniform());
  }
  // By multiplication (Knuth); `mean` at most 500.
  int Poisson(double mean) {
    const double limit = std::exp(-mean);
    double product = Uniform();
    int count = 0;
    for (; product > limit; ++count) product *= Uniform();
    return count;
  }
  // An index with probability proportional to its weight (all >= 0, at least one > 0).
  std::size_t Pick(std::span<const double> weights) {
    double total = 0;
    for (const double weight : weights) total += weight;
    double left = Uniform() * total;
    for (std::size_t i = 0; i + 1 < weights.size(); ++i)
      if ((left -= weights[i]) < 0) return i;
    return weights.size() - 1;
  }

 private:
  static std::uint64_t Mix(std::uint64_t x) {
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
    return x ^ (x >> 31);
  }
  std::uint64_t key_;
  std::uint64_t count_ = 0;
};

}  // namespace veilsum::cli
