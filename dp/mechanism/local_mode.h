// Local mode (SE-13): a merchant takes several DP-SGD steps at home, each with all of the noise
// that its customers need, and what it sends is the difference of models. The difference is
// computed from noisy sums and public numbers alone, so that clamping and rounding it, summing it
// with others' at equal weight, or showing it to anybody costs nothing more: no merchant's
// customers depend on what other merchants do. Every local step is charged.
#pragma once

#include <span>

#include "dp/clip/clipped_sum.h"
#include "dp/mechanism/distributed_gaussian.h"
#include "dp/mechanism/moved_model.h"

namespace veilsum::dp {

struct LocalModeSpec {
  TrainingGrid grid;  // of a local step's sum; any clip norm
  Rational sampling_rate;
  std::uint64_t local_steps;  // in one round
  std::uint64_t rounds_max;   // every attempt is charged with all its steps
  double epsilon, delta;
  AccountantKind accountant = AccountantKind::kRdp;
};

struct LocalModeNoise {
  SumNoise sum;        // share_sigma == noise_sigma: nobody else's noise counts
  double epsilon;      // against everybody else together
  double epsilon_rdp;  // the second number
  double delta_slack;
  AttemptCharge charge_of_round(const LocalModeSpec& spec, std::uint32_t order) const;
};

// InvalidArgument naming field and bound; FailedPrecondition when no noise meets the claim.
absl::StatusOr<LocalModeNoise> CalibrateLocalMode(const LocalModeSpec& spec);

// One round at one merchant: a model that only noisy sums move.
class LocalRound {
 public:
  // `start`: the parameters that were published.
  LocalRound(std::span<const float> start, LocalSgd sgd) : model_(start, std::move(sgd)) {}
  const std::vector<float>& parameters() const { return model_.parameters(); }
  // As MovedModel::Step.
  absl::Status Step(const NoisedVector& noised) { return model_.Step(noised.integers()); }
  // round_half_even(2^scale_log2 * difference clamped to +-clamp), a parameter that is not finite
  // as 0. InvalidArgument: clamp not above 0 or too large for int64 at that scale.
  absl::StatusOr<NoisedVector> Update(double clamp, int scale_log2) const;

 private:
  MovedModel model_;
};

}  // namespace veilsum::dp
