#include "dp/mechanism/adaptive_clip.h"

#include <algorithm>
#include <cmath>

#include "dp/mechanism/run_facts.h"

namespace veilsum::dp {
namespace {

constexpr double kNormSlack = 1 + 0x1p-20;  // of a factor that is computed in floating point
constexpr double kClipReach = 0x1p20;       // of a clip norm, from C_0

absl::Status CheckClip(double clip) {
  if (clip > 0 && std::isfinite(clip)) return absl::OkStatus();
  return InvalidArgument("clip is %g, must be finite and above 0", clip);
}

}  // namespace

MerchantGrid MerchantGridOf(std::uint64_t dimension, int scale_log2, const AdaptiveClip& clip,
                            const SumNoise& noise) {
  SumFacts facts{};
  facts.bit_noise = BitNoise(clip);
  const double half =
      noise.noise_sigma > 0 ? facts.HalfAt(noise.noise_sigma) : std::ldexp(1.0, scale_log2);
  return {dimension, scale_log2, static_cast<std::int64_t>(half)};
}

absl::StatusOr<MerchantModeNoise> CalibrateMerchantMode(const MerchantModeSpec& spec) {
  VEILSUM_ASSIGN_OR_RETURN(const Rational everybody, Rational::Create(1, 1));
  VEILSUM_ASSIGN_OR_RETURN(
      const RunPrivacy run,
      CalibrateRun({.epsilon = spec.epsilon,
                    .delta = spec.delta,
                    .cohort = spec.cohort,
                    .training = {.grid = {spec.dimension, spec.scale_log2, 1.0, 1, 1},
                                 .sampling_rate = everybody,
                                 .attempts_max = spec.rounds_max,
                                 .users_in_round_max = 0,
                                 .ring_bits = spec.ring_bits,
                                 .merchant = spec.clip},
                    .statistics = std::nullopt,
                    .accountant = spec.accountant}));
  VEILSUM_ASSIGN_OR_RETURN(const double of_update,
                           TrainingSensitivity({spec.dimension, spec.scale_log2, 1.0, 1, 1}));
  return MerchantModeNoise{run.training, run.training.noise_sigma / of_update,
                           MerchantGridOf(spec.dimension, spec.scale_log2, spec.clip, run.training),
                           run.statement};
}

absl::StatusOr<ClippedSum> EncodeMerchantUpdate(std::span<const float> update, double clip,
                                                const MerchantGrid& grid) {
  if (update.size() != grid.dimension)
    return InvalidArgument("update has %d numbers, must have %d", update.size(), grid.dimension);
  VEILSUM_RETURN_IF_ERROR(CheckClip(clip));
  double square = 0;  // squares of floats are exact in fp64; sums of d of them lose d 2^-53
  for (const float x : update) square += static_cast<double>(x) * x;
  const bool finite = std::isfinite(square);
  const double norm =
      finite ? std::sqrt(square) * (1 + static_cast<double>(grid.dimension) * 0x1p-52) : 0;
  const double factor = std::ldexp(1.0, grid.scale_log2) / clip *
                        std::min(1.0, norm > 0 ? clip / (norm * kNormSlack) : 1.0);
  std::vector<std::int64_t> integers(grid.dimension + 1);
  if (finite)
    for (std::size_t i = 0; i < update.size(); ++i) integers[i] = std::llrint(factor * update[i]);
  integers.back() = norm <= clip ? grid.half : -grid.half;
  return ClippedSum::FromCertifiedContributions(std::move(integers));
}

absl::StatusOr<MerchantModeStep> DecodeMerchantStep(std::span<const std::int64_t> sum, double clip,
                                                    const AdaptiveClip& rule,
                                                    const MerchantGrid& grid) {
  if (sum.size() != grid.dimension + 1)
    return InvalidArgument("sum has %d numbers, must have %d", sum.size(), grid.dimension + 1);
  VEILSUM_RETURN_IF_ERROR(CheckClip(clip));
  MerchantModeStep step;
  const double merchants = rule.expected_merchants;
  const double unit = clip / (std::ldexp(1.0, grid.scale_log2) * merchants);
  step.mean_update.reserve(grid.dimension);
  for (std::size_t i = 0; i < grid.dimension; ++i)
    step.mean_update.push_back(unit * static_cast<double>(sum[i]));
  // Sums of bits less 1/2 each, over a fixed count.
  step.unclipped =
      0.5 + static_cast<double>(sum.back()) / (2.0 * static_cast<double>(grid.half) * merchants);
  step.next_clip = std::clamp(clip * std::exp(-rule.rate * (step.unclipped - rule.quantile)),
                              rule.initial / kClipReach, rule.initial * kClipReach);
  return step;
}

absl::Status MerchantRound::Step(ClippedSum&& sum) {
  const std::vector<std::int64_t> grid = std::move(sum.grid_);
  return model_.Step(grid);
}

absl::StatusOr<ClippedSum> MerchantRound::Update(double clip, const MerchantGrid& grid) const {
  const std::vector<float>&start = model_.start(), &moved = model_.parameters();
  std::vector<float> update(moved.size());
  for (std::size_t i = 0; i < update.size(); ++i) update[i] = moved[i] - start[i];
  return EncodeMerchantUpdate(update, clip, grid);
}

}  // namespace veilsum::dp
