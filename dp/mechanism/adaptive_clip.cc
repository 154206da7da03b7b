#include "dp/mechanism/adaptive_clip.h"

#include <cmath>

#include "dp/mechanism/integer_noise.h"
#include "dp/mechanism/run_facts.h"
#include "dp/mechanism/run_loss.h"

namespace veilsum::dp {
namespace {

constexpr double kNormSlack = 1 + 0x1p-20;  // of a factor that is computed in floating point
constexpr double kMostSlackShare = 0.01;    // of delta (DP-18)

double BitNoise(const AdaptiveClip& clip) {
  return clip.bit_noise > 0 ? clip.bit_noise : clip.expected_merchants / 20;
}

absl::Status Validate(const MerchantModeSpec& spec) {
  const AdaptiveClip& clip = spec.clip;
  const auto positive = [](const char* field, double value) {
    return value > 0 && std::isfinite(value)
               ? absl::OkStatus()
               : InvalidArgument("%s is %g, must be finite and above 0", field, value);
  };
  VEILSUM_RETURN_IF_ERROR(positive("clip.initial", clip.initial));
  VEILSUM_RETURN_IF_ERROR(positive("clip.rate", clip.rate));
  VEILSUM_RETURN_IF_ERROR(positive("clip.expected_merchants", clip.expected_merchants));
  if (!(clip.quantile > 0 && clip.quantile < 1))
    return InvalidArgument("clip.quantile is %g, must be above 0 and below 1", clip.quantile);
  if (!(clip.bit_noise >= 0 && std::isfinite(clip.bit_noise)))
    return InvalidArgument("clip.bit_noise is %g, must be finite and at least 0", clip.bit_noise);
  return absl::OkStatus();
}

// D2 of the update alone: a merchant's vector instead of zeros (L1 of dp/README.md).
absl::StatusOr<double> UpdateSensitivity(const MerchantModeSpec& spec) {
  return TrainingSensitivity({spec.dimension, spec.scale_log2, 1.0, 1, 1});
}

// The mode at joint multiplier z: S*^2 - 1/12 = z^2 (D_update^2 + half^2), half <= S* / (2
// sigma_bit).
MerchantModeNoise NoiseOf(const MerchantModeSpec& spec, double update_sensitivity, double z) {
  const double bit = BitNoise(spec.clip), left = 1 - z * z / (4 * bit * bit);
  if (!(left > 0)) return {{0, 0, kInfinity, kInfinity}, kInfinity, 0, 0, 0, 0, 0};
  const double scaled = z * update_sensitivity;
  const double sigma = std::sqrt((scaled * scaled + kRoundingVariance) / left);
  const auto half = static_cast<std::int64_t>(std::floor(sigma / (2 * bit)));
  const double carriers = spec.cohort.min_survivors - spec.cohort.colluders;
  MerchantModeNoise noise{};
  noise.half = half;
  noise.sum = {std::hypot(update_sensitivity, static_cast<double>(half)), 0, sigma,
               sigma / std::sqrt(carriers)};
  noise.sum.noise_multiplier = std::sqrt(sigma * sigma - kRoundingVariance) / noise.sum.sensitivity;
  noise.update_noise = sigma / update_sensitivity;
  return noise;
}

// As the room's other files see it: one sum without sampling.
RunFacts FactsAt(const MerchantModeSpec& spec, const MerchantModeNoise& noise) {
  RunFacts facts{};
  facts.training = {"merchant update",
                    1.0,
                    spec.rounds_max,
                    static_cast<double>(spec.dimension) + 1,
                    noise.sum.sensitivity,
                    0.0,
                    static_cast<double>(spec.cohort.members),
                    std::max(std::ldexp(1.0, spec.scale_log2), static_cast<double>(noise.half)),
                    spec.ring_bits};
  facts.members = spec.cohort.members;
  facts.min_survivors = spec.cohort.min_survivors;
  facts.carriers = spec.cohort.min_survivors - spec.cohort.colluders;
  facts.delta = spec.delta;
  facts.accountant = spec.accountant;
  return facts;
}

}  // namespace

absl::StatusOr<MerchantModeNoise> CalibrateMerchantMode(const MerchantModeSpec& spec) {
  VEILSUM_RETURN_IF_ERROR(Validate(spec));
  VEILSUM_ASSIGN_OR_RETURN(const double update_sensitivity, UpdateSensitivity(spec));
  // Cohort, ring, delta and rounds are checked as those of any run.
  VEILSUM_ASSIGN_OR_RETURN(const Rational everybody, Rational::Create(1, 1));
  const RunPrivacyInput common = {.epsilon = spec.epsilon,
                                  .delta = spec.delta,
                                  .cohort = spec.cohort,
                                  .training = {.grid = {spec.dimension, spec.scale_log2, 1.0, 1, 1},
                                               .sampling_rate = everybody,
                                               .attempts_max = spec.rounds_max,
                                               .users_in_round_max = spec.cohort.members,
                                               .ring_bits = spec.ring_bits},
                                  .statistics = std::nullopt,
                                  .accountant = spec.accountant};
  VEILSUM_RETURN_IF_ERROR(FactsOf(common).status());

  const auto run_at = [&](double z) {
    const MerchantModeNoise noise = NoiseOf(spec, update_sensitivity, z);
    ViewedRun run;
    const RunFacts facts = FactsAt(spec, noise);
    if (std::isfinite(noise.sum.noise_sigma))
      AddSum(run, facts.training, facts.members, noise.sum, {facts.carriers});
    return run;
  };
  VEILSUM_ASSIGN_OR_RETURN(
      const Calibration least,
      LeastNoiseOf(FactsAt(spec, NoiseOf(spec, update_sensitivity, 1e-3)), spec.epsilon, run_at));
  if (!(2 * BitNoise(spec.clip) > least.noise_multiplier))
    return InvalidArgument(
        "clip.bit_noise is %g, must be above half the noise multiplier %g: with %g expected "
        "merchants the count alone tells more than epsilon = %g",
        BitNoise(spec.clip), least.noise_multiplier, spec.clip.expected_merchants, spec.epsilon);
  MerchantModeNoise noise = NoiseOf(spec, update_sensitivity, least.noise_multiplier);
  const RunFacts facts = FactsAt(spec, noise);
  VEILSUM_RETURN_IF_ERROR(CheckRings(facts, {noise.sum, std::nullopt}));
  const auto loss = [&](double shares) {
    ViewedRun run;
    AddSum(run, facts.training, facts.members, noise.sum, {shares});
    return LossOf(spec.accountant, run, spec.delta);
  };
  const ViewLoss published = loss(facts.carriers);
  noise.epsilon = published.epsilon;
  noise.epsilon_coordinator = loss(facts.min_survivors).epsilon;
  noise.epsilon_all_others = loss(1).epsilon;
  noise.delta_slack = published.slack;
  if (noise.delta_slack > kMostSlackShare * spec.delta)
    return InvalidArgument("delta slack is %g, must be at most delta / 100 = %g (DP-18)",
                           noise.delta_slack, kMostSlackShare * spec.delta);
  return noise;
}

absl::StatusOr<ClippedSum> EncodeMerchantUpdate(std::span<const float> update, double clip,
                                                const MerchantModeSpec& spec,
                                                const MerchantModeNoise& noise) {
  if (update.size() != spec.dimension)
    return InvalidArgument("update has %d numbers, must have %d", update.size(), spec.dimension);
  if (!(clip > 0 && std::isfinite(clip)))
    return InvalidArgument("clip is %g, must be finite and above 0", clip);
  double square = 0;  // squares of floats are exact in fp64; sums of d of them lose d 2^-53
  for (const float x : update) square += static_cast<double>(x) * x;
  const bool finite = std::isfinite(square);
  const double norm =
      finite ? std::sqrt(square) * (1 + static_cast<double>(spec.dimension) * 0x1p-52) : 0;
  const double factor = std::ldexp(1.0, spec.scale_log2) / clip *
                        std::min(1.0, norm > 0 ? clip / (norm * kNormSlack) : 1.0);
  std::vector<std::int64_t> grid(spec.dimension + 1);
  if (finite)
    for (std::size_t i = 0; i < update.size(); ++i) grid[i] = std::llrint(factor * update[i]);
  grid.back() = norm <= clip ? noise.half : -noise.half;
  return ClippedSum::FromCertifiedContributions(std::move(grid));
}

absl::StatusOr<MerchantModeStep> DecodeMerchantStep(std::span<const std::int64_t> sum, double clip,
                                                    const MerchantModeSpec& spec,
                                                    const MerchantModeNoise& noise) {
  if (sum.size() != spec.dimension + 1)
    return InvalidArgument("sum has %d numbers, must have %d", sum.size(), spec.dimension + 1);
  if (!(clip > 0 && std::isfinite(clip)))
    return InvalidArgument("clip is %g, must be finite and above 0", clip);
  MerchantModeStep step;
  const double merchants = spec.clip.expected_merchants;
  const double unit = clip / (std::ldexp(1.0, spec.scale_log2) * merchants);
  for (std::size_t i = 0; i < spec.dimension; ++i)
    step.mean_update.push_back(unit * static_cast<double>(sum[i]));
  // Sums of bits less 1/2 each, over a fixed count.
  step.unclipped =
      0.5 + static_cast<double>(sum.back()) / (2.0 * static_cast<double>(noise.half) * merchants);
  step.next_clip = clip * std::exp(-spec.clip.rate * (step.unclipped - spec.clip.quantile));
  return step;
}

}  // namespace veilsum::dp
