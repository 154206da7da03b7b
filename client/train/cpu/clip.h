// The clip factor of one customer with several rows, from norms that never materialise a gradient
// (ghost norms; Book-Keeping, Bu et al. 2023, arXiv 2210.00038), with an upper bound that survives
// cancellation between its rows (DP-08). And what fp32 sums of a micro-batch may lose.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "client/train/cancellation.h"
#include "client/train/trainer.h"

namespace veilsum::client::cpu {

// Sums over the layers of one customer's gradient.
class CertifiedNorm {
 public:
  // A layer's Gram matrices over the customer's R row slots, row-major R x R, fp64 sums of exact
  // products of the stored operands: inputs[r][s] = a~_r . a~_s with a~ = (a, 1), deltas[r][s] =
  // delta_r . delta_s. in and out are widths.
  void AddLayer(std::size_t in, std::size_t out, std::size_t row_slots,
                std::span<const double> inputs, std::span<const double> deltas);
  // min(1, C / (N_ub (1 + 2^-20)), K C / T), K = CancellationLimit, or exactly 0 when anything was
  // not finite (DP-09).
  double Factor(double clip_norm, double cancellation) const;

 private:
  double squared_ = 0;  // sum over layers of max(0, Gram) + gamma (sum_r |a~_r| |delta_r|)^2
  double total_ = 0;    // T^2 = sum over layers of (sum_r |a~_r| |delta_r|)^2
};

// How a step of a public shape is cut into micro-batches whose products are summed in fp32 and
// added on the grid. A customer's slot is independent of the other customers' (see engine.h), so
// one more customer changes one micro-batch; clipping to `limit` instead of C pays for what its
// sums can round away, and D2 stays as DP-02 has it.
struct MicroBatches {
  std::size_t customers = 1;  // slots of one
  double limit = 0;           // what customers are clipped to, a little under C
  std::size_t flush = 1;      // micro-batches whose sum is certain to fit 32 bits
  int finer = 0;              // bits by which scattered numbers are finer than the grid
};

// scattered_error: how far rounding a customer's scattered numbers one by one could move its vector
// if they were rounded to the grid itself, grid units. InvalidArgument: scale * clip_norm is too
// large for a 32-bit sum, or the grid too coarse for so many scattered numbers.
absl::StatusOr<MicroBatches> CutStep(const StepShape& shape, std::size_t max_rows,
                                     std::size_t target_rows, double scattered_error);

}  // namespace veilsum::client::cpu
