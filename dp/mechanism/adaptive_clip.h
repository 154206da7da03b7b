// Merchant mode: what is protected is a merchant, and a step's clip norm follows the norms that
// merchants' updates have. Sources: McMahan et al. (arXiv 1710.06963); Thakkar, Andrew, McMahan,
// "Differentially Private Learning with Adaptive Clipping" (arXiv 1905.03871).
// Who uploads is public, so that there is no sampling (q = 1), and neighbouring means that a
// merchant's contribution is zero (DP-20). Only with very many merchants is its noise useful.
//
// An update is sent in units of the current clip norm C_t, which all know, with one more integer:
// half if its norm is at most C_t, -half if not. One noise, S* in every coordinate, then serves
// both: z is spent on both together, z^-2 = z_update^-2 + (2 sigma_bit)^-2, whatever C_t is.
#pragma once

#include <span>

#include "dp/clip/clipped_sum.h"
#include "dp/mechanism/distributed_gaussian.h"

namespace veilsum::dp {

struct AdaptiveClip {
  double initial = 1;             // C_0
  double quantile = 0.5;          // gamma: this share of merchants should not be clipped
  double rate = 0.2;              // of the geometric update
  double expected_merchants = 0;  // m, a public constant that sums are divided by
  double bit_noise = 0;           // sigma_bit, of the count; 0 is m / 20
};

struct MerchantModeSpec {
  std::uint64_t dimension;  // d of the update
  int scale_log2;           // grid points per clip norm: 2^scale_log2
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
  std::int64_t half;    // what the bit is sent as
  double epsilon;       // of one merchant against the coordinator and `colluders` others
  double epsilon_coordinator;
  double epsilon_all_others;
  double delta_slack;
};

// InvalidArgument naming field and bound (also: sigma_bit not above z / 2, ring too small, slack
// above delta / 100); FailedPrecondition when no noise meets the claim.
absl::StatusOr<MerchantModeNoise> CalibrateMerchantMode(const MerchantModeSpec& spec);

// round(2^scale_log2 c update / clip) with c clipping to norm 1, and the bit. An update that is not
// finite contributes as one of norm 0. InvalidArgument: another dimension, clip not above 0.
absl::StatusOr<ClippedSum> EncodeMerchantUpdate(std::span<const float> update, double clip,
                                                const MerchantModeSpec& spec,
                                                const MerchantModeNoise& noise);

// What the coordinator makes of the d + 1 noisy sums.
struct MerchantModeStep {
  std::vector<double> mean_update;  // over expected_merchants
  double unclipped;                 // noisy share of merchants that were not clipped
  double next_clip;                 // C_{t+1} = C_t exp(-rate (unclipped - quantile))
};
absl::StatusOr<MerchantModeStep> DecodeMerchantStep(std::span<const std::int64_t> sum, double clip,
                                                    const MerchantModeSpec& spec,
                                                    const MerchantModeNoise& noise);

}  // namespace veilsum::dp
