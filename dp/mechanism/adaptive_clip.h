// Merchant mode: what is protected is a merchant, and a step's clip norm follows the norms that
// merchants' updates have. Sources: McMahan et al. (arXiv 1710.06963); Thakkar, Andrew, McMahan,
// "Differentially Private Learning with Adaptive Clipping" (arXiv 1905.03871).
// Who uploads is public, so that there is no sampling (q = 1), and neighbouring means that a
// merchant's contribution is zero (DP-20). Only with very many merchants is its noise useful.
//
// An update is sent in units of the current clip norm C_t, which all know, with one more integer:
// half if its norm is at most C_t, -half if not. One noise, S* in every coordinate, then serves
// both: z is spent on both together, z^-2 = z_update^-2 + (2 sigma_bit)^-2, whatever C_t is. Noise
// and claim of a run: TrainingSumSpec::merchant.
#pragma once

#include <span>

#include "dp/clip/clipped_sum.h"
#include "dp/mechanism/distributed_gaussian.h"
#include "dp/mechanism/moved_model.h"

namespace veilsum::dp {

// How an update and its bit become integers; the same at merchants and coordinator.
struct MerchantGrid {
  std::uint64_t dimension;  // d of the update
  int scale_log2;           // grid points per clip norm: 2^scale_log2
  std::int64_t half;        // what the bit is sent as
};
// From what a contract says: S* and sigma_bit. Without noise (SE-12) a bit weighs as much as a clip
// norm.
MerchantGrid MerchantGridOf(std::uint64_t dimension, int scale_log2, const AdaptiveClip& clip,
                            const SumNoise& noise);

struct MerchantModeSpec {
  std::uint64_t dimension;  // d of the update
  int scale_log2;
  AdaptiveClip clip;
  CohortSpec cohort;
  std::uint64_t rounds_max;  // every attempt is charged
  double epsilon, delta;
  AccountantKind accountant = AccountantKind::kRdp;
  int ring_bits = 32;
};

struct MerchantModeNoise {
  SumNoise sum;         // of the d + 1 integers, update and bit together
  double update_noise;  // S* over the update's sensitivity: z_update
  MerchantGrid grid;
  PrivacyStatement statement;
};

// CalibrateRun for a merchant mode without other sums, and its errors.
absl::StatusOr<MerchantModeNoise> CalibrateMerchantMode(const MerchantModeSpec& spec);

// round(2^scale_log2 c update / clip) with c clipping to norm 1, and the bit. An update that is not
// finite contributes as one of norm 0. InvalidArgument: another dimension, clip not above 0.
absl::StatusOr<ClippedSum> EncodeMerchantUpdate(std::span<const float> update, double clip,
                                                const MerchantGrid& grid);

// What the coordinator makes of the d + 1 noisy sums.
struct MerchantModeStep {
  std::vector<double> mean_update;  // over expected_merchants
  double unclipped;                 // noisy share of merchants that were not clipped
  // C_{t+1} = C_t exp(-rate (unclipped - quantile)), within a factor 2^20 of C_0.
  double next_clip;
};
absl::StatusOr<MerchantModeStep> DecodeMerchantStep(std::span<const std::int64_t> sum, double clip,
                                                    const AdaptiveClip& rule,
                                                    const MerchantGrid& grid);

// One round at one merchant: steps on its own customers without noise, whose outcome leaves only as
// a clipped update that has yet to be noised.
class MerchantRound {
 public:
  // `start`: the parameters that were published.
  MerchantRound(std::span<const float> start, LocalSgd sgd) : model_(start, std::move(sgd)) {}
  // For the next step's gradient alone: never sent, logged or measured.
  const std::vector<float>& parameters() const { return model_.parameters(); }
  // As MovedModel::Step.
  absl::Status Step(ClippedSum&& sum);
  // EncodeMerchantUpdate of the difference.
  absl::StatusOr<ClippedSum> Update(double clip, const MerchantGrid& grid) const;

 private:
  MovedModel model_;
};

}  // namespace veilsum::dp
