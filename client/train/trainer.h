// One private training step at a merchant, whatever the engine: every sampled customer's gradient,
// clipped and summed. Sensitivity: an engine keeps rows invariant (DP-07) and norms certified
// (DP-08), and what its sums round away is within its clip factor or SummationError, so that one
// customer more or less moves the grid sum by at most scale * clip_norm * (1 + 2^-20) + sqrt(d) +
// SummationError (DP-02).
#pragma once

#include <cstdint>
#include <span>

#include "base/status.h"
#include "dp/clip/clipped_sum.h"
#include "model/layout.h"

namespace veilsum::client {

// Everything that a step's time and size may depend on; all of it public (DP-06).
struct StepShape {
  std::uint32_t padded_customers =
      0;                 // work is always done for this many customers of max_rows rows
  double clip_norm = 0;  // C, L2 over all parameters, > 0
  double scale = 0;      // s, grid points per unit of gradient; a power of two (DP-02)
};

// InvalidArgument when clip_norm or scale is unusable, or the sum could leave the exact int64
// range.
absl::Status CheckShape(const StepShape& shape);

// How many rows one customer may have that an engine accepts.
inline constexpr std::uint32_t kMaxRowsPerCustomer = 80;

class Trainer {
 public:
  virtual ~Trainer() = default;

  // What has to be known before steps of this shape, and before budget is spent on one; optional.
  // FailedPrecondition: this engine cannot keep what is claimed above of them (DP-07).
  virtual absl::Status Prepare(const StepShape& shape) { return CheckShape(shape); }

  // scale * sum over `customers` of min(1, C' / norm) * gradient on the integers, one for each of
  // layout.parameters(), in their order; C' is C less what the engine's sums can lose, and parts
  // of the sum may be rounded before they are added. The gradient is that of the loss summed over
  // the customer's rows. A customer whose arithmetic is not finite contributes exactly zero
  // (DP-09). `customers` are indices into the examples, each at most once, in any order. `model`
  // has layout.size() numbers and is not kept. InvalidArgument: model size, shape, an index out of
  // range or twice, more customers than padded_customers (the message never says how many there
  // are). Not thread-safe: one call at a time for one trainer.
  virtual absl::StatusOr<dp::ClippedSum> GradientSum(const model::ModelVector& model,
                                                     std::span<const std::uint32_t> customers,
                                                     const StepShape& shape) = 0;
};

// InvalidArgument: an index that is not below `known`, one twice, or more than `padded` of them;
// the message never says how many there are.
absl::Status CheckSelection(std::span<const std::uint32_t> customers, std::size_t known,
                            std::uint32_t padded);

// fp_err of DP-02 in grid points: 2 s N 2^-53 (1 + 2^-20) B K C with N = B * max_rows rows, B
// padded customers, K = 64, the largest that there is.
double SummationError(const StepShape& shape, std::uint32_t max_rows);

}  // namespace veilsum::client
