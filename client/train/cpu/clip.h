// The clip factor of one customer from norms that never materialise a gradient (ghost norms;
// Book-Keeping, Bu et al. 2023, arXiv 2210.00038), with an upper bound that survives cancellation
// between a customer's rows (DP-08).
#pragma once

#include <cstddef>
#include <span>

namespace veilsum::client::cpu {

inline constexpr double kSlackK = 64;  // K: a customer's rows may cancel by at most this factor

// Sums over the layers of one customer's gradient.
class CertifiedNorm {
 public:
  // A layer's Gram matrices over the customer's R row slots, row-major R x R, fp64 sums of exact
  // products of the stored operands: inputs[r][s] = a~_r . a~_s with a~ = (a, 1), deltas[r][s] =
  // delta_r . delta_s. in and out are widths.
  void AddLayer(std::size_t in, std::size_t out, std::size_t row_slots,
                std::span<const double> inputs, std::span<const double> deltas);
  // min(1, C / (N_ub (1 + 2^-20)), K C / sum_rl |a~_r| |delta_r|), or exactly 0 when anything was
  // not finite (DP-09).
  double Factor(double clip_norm) const;

 private:
  double squared_ = 0;  // sum over layers of max(0, Gram) + gamma (sum_r |a~_r| |delta_r|)^2
  double total_ = 0;    // sum over rows and layers of |a~_r| |delta_r|
};

}  // namespace veilsum::client::cpu
