// The distribution of a mechanism's privacy loss ln P(y)/Q(y), y from P, on an even grid, rounded
// so that every hockey-stick divergence is kept or raised (rule DP-17). Sources: Koskela, Jaelkoe,
// Honkela, "Computing Tight Differential Privacy Guarantees Using FFT" (arXiv 1906.03049);
// Doroshenko et al., "Connect the Dots" (arXiv 2207.04380).
#pragma once

#include <cstdint>
#include <vector>

namespace veilsum::dp {

// P has mass[i] at loss (lowest + i) * step and `infinity` where Q has (or is taken to have) none.
// Together they sum to 1, up to rounding.
struct LossDistribution {
  double step;  // > 0
  std::int64_t lowest;
  std::vector<double> mass;
  double infinity;
};

// Share of a P-mass with loss `loss` in [low, low + step] that goes to the upper grid point: mass
// that moves so keeps both its P-mass and its Q-mass, which is what connecting the dots means.
double UpperShare(double loss, double low, double step);

// Adds up masses between two grid points that are known in advance.
class LossGrid {
 public:
  // For losses in [least, most].
  LossGrid(double step, double least, double most);
  std::int64_t lowest() const { return out_.lowest; }
  std::int64_t highest() const {
    return out_.lowest + static_cast<std::int64_t>(out_.mass.size()) - 1;
  }
  double At(std::int64_t index) const { return static_cast<double>(index) * out_.step; }
  double step() const { return out_.step; }
  // `mass` of P at `loss`, which may exceed `most` (then it counts as infinite) or be below `least`
  // (then it is raised to it).
  void AddAtom(double mass, double loss);
  void AddAt(std::int64_t index, double mass) { out_.mass[index - out_.lowest] += mass; }
  void AddInfinity(double mass) { out_.infinity += mass; }
  LossDistribution Take() && { return std::move(out_); }

 private:
  LossDistribution out_;
};

}  // namespace veilsum::dp
