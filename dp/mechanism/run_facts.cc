#include "dp/mechanism/run_facts.h"

#include <cmath>
#include <limits>

#include "dp/mechanism/band_matrix.h"
#include "dp/mechanism/integer_noise.h"
#include "dp/mechanism/private_quantiles.h"
#include "dp/padding.h"

namespace veilsum::dp {
namespace {

constexpr double kNoiseTail =
    10;  // standard deviations of the sum's noise that must fit the ring: probability 1.6e-23

absl::Status ValidateCohort(const CohortSpec& cohort) {
  if (cohort.min_survivors == 0 || cohort.min_survivors > cohort.members)
    return InvalidArgument("min_survivors is %d, must be from 1 to members = %d (DP-03)",
                           cohort.min_survivors, cohort.members);
  if (cohort.colluders >= cohort.min_survivors)
    return InvalidArgument("colluders is %d, must be below min_survivors = %d (DP-03)",
                           cohort.colluders, cohort.min_survivors);
  return absl::OkStatus();
}

absl::Status ValidateRing(std::string_view name, int ring_bits, std::uint64_t attempts) {
  if (ring_bits < 8 || ring_bits > 64)
    return InvalidArgument("%s ring_bits is %d, must be from 8 to 64 (DP-10)", name, ring_bits);
  if (attempts == 0) return InvalidArgument("%s attempts_max is 0, must be at least 1", name);
  return absl::OkStatus();
}

double UsersInRound(std::uint64_t given, std::uint32_t members, std::uint64_t users) {
  return given != 0 ? static_cast<double>(given)
                    : static_cast<double>(members) * static_cast<double>(users);
}

// The centred sum of the customers' contributions, rounding and noise must fit ring_bits, or
// results would wrap (privacy would not suffer).
absl::Status CheckRing(const SumFacts& sum, double members, const SumNoise& noise) {
  const double entry = std::max(sum.largest_entry, sum.HalfAt(noise.noise_sigma));
  const double signal = sum.users_in_round * entry + members;
  const double tail =  // noise of local steps is within what they clamp
      sum.is_local() ? 0 : kNoiseTail * std::sqrt(members) * noise.share_sigma;
  const double limit = std::ldexp(1.0, sum.ring_bits - 1);
  if (signal + tail >= limit)
    return InvalidArgument(
        "%s sum needs %g for %g customers at %g each and %g for noise, but ring_bits = %d holds "
        "%g: lower scale_log2 by %d (DP-10)",
        sum.name, signal, sum.users_in_round, entry, tail, sum.ring_bits, limit,
        static_cast<int>(std::ceil(std::log2((signal + tail) / limit) + 1e-6)));
  return absl::OkStatus();
}

constexpr std::uint64_t kMostLocalSteps = 10'000;

// Rows of b steps each: the sensitivity of a block, and b times the rate within a group (DP-15).
absl::Status AddBands(const TrainingSumSpec& spec, SumFacts& facts) {
  VEILSUM_ASSIGN_OR_RETURN(const BandMatrix matrix, BandMatrix::Create(spec.bands));
  if (spec.local_steps != 0)
    return InvalidArgument("bands is %d in a local run, must be 1", spec.bands);
  if (spec.bands > spec.attempts_max)
    return InvalidArgument("bands is %d, must be at most attempts_max = %d (DP-15)", spec.bands,
                           spec.attempts_max);
  VEILSUM_ASSIGN_OR_RETURN(const Rational in_group, GroupRate(spec.sampling_rate, spec.bands));
  VEILSUM_ASSIGN_OR_RETURN(const SamplingRate rate, SamplingRate::Create(in_group));
  facts.sampling_rate = rate.value();
  VEILSUM_ASSIGN_OR_RETURN(facts.sensitivity, BlockSensitivity(matrix, spec.grid, kBandGuardBits));
  double reach = 0;  // of a row, in steps
  for (std::size_t k = 0; k < matrix.bands(); ++k) reach += matrix.at(k);
  facts.largest_entry *= reach;
  facts.bands = spec.bands;
  return absl::OkStatus();
}

absl::Status AddLocalSteps(const TrainingSumSpec& spec, std::uint32_t members, SumFacts& facts) {
  if (spec.local_steps > kMostLocalSteps)
    return InvalidArgument("local_steps is %d, must be at most %d", spec.local_steps,
                           kMostLocalSteps);
  if (!(spec.update_clamp > 0 && std::isfinite(spec.update_clamp)))
    return InvalidArgument("update_clamp is %g, must be finite and above 0", spec.update_clamp);
  facts.local_steps = spec.local_steps;
  facts.users_in_round = members;  // one update each
  facts.largest_entry = std::ldexp(spec.update_clamp, spec.grid.scale_log2);
  return absl::OkStatus();
}

absl::Status ValidateClip(const AdaptiveClip& clip) {
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

// One update a merchant and its bit, all of them in every round (DP-20).
absl::Status AddMerchantMode(const TrainingSumSpec& spec, std::uint32_t members, SumFacts& facts) {
  VEILSUM_RETURN_IF_ERROR(ValidateClip(*spec.merchant));
  if (facts.sampling_rate != 1 || spec.bands != 1 || spec.local_steps != 0)
    return InvalidArgument(
        "sampling_rate is %g, bands %d, local_steps %d; in merchant mode they must be 1, 1, 0 "
        "(DP-20)",
        facts.sampling_rate, spec.bands, spec.local_steps);
  if (spec.grid.clip_norm != 1)
    return InvalidArgument("clip_norm is %g, must be 1 in merchant mode: its own unit",
                           spec.grid.clip_norm);
  facts.dimension += 1;
  facts.overflow = 0;  // nobody is sampled
  facts.users_in_round = members;
  facts.bit_noise = BitNoise(*spec.merchant);
  return absl::OkStatus();
}

}  // namespace

double BitNoise(const AdaptiveClip& clip) {
  return clip.bit_noise > 0 ? clip.bit_noise : clip.expected_merchants / 20;
}

absl::StatusOr<SumFacts> FactsOf(const TrainingSumSpec& spec, std::uint32_t members) {
  VEILSUM_RETURN_IF_ERROR(ValidateRing("training", spec.ring_bits, spec.attempts_max));
  VEILSUM_ASSIGN_OR_RETURN(const SamplingRate rate, SamplingRate::Create(spec.sampling_rate));
  VEILSUM_ASSIGN_OR_RETURN(const double sensitivity, TrainingSensitivity(spec.grid));
  SumFacts facts{"training",
                 rate.value(),
                 spec.attempts_max,
                 static_cast<double>(spec.grid.dimension),
                 sensitivity,
                 kOverflowPerRun,
                 UsersInRound(spec.users_in_round_max, members, spec.grid.users_per_sum),
                 std::ldexp(spec.grid.clip_norm, spec.grid.scale_log2),
                 spec.ring_bits};
  if (spec.merchant) {
    VEILSUM_RETURN_IF_ERROR(AddMerchantMode(spec, members, facts));
    return facts;
  }
  if (spec.bands != 1) VEILSUM_RETURN_IF_ERROR(AddBands(spec, facts));
  if (spec.local_steps != 0) VEILSUM_RETURN_IF_ERROR(AddLocalSteps(spec, members, facts));
  return facts;
}

absl::StatusOr<SumFacts> FactsOf(const StatisticsSumSpec& spec, std::uint32_t members) {
  VEILSUM_RETURN_IF_ERROR(ValidateRing("statistics", spec.ring_bits, spec.attempts_max));
  const HistogramGrid bins = {spec.grid.features, spec.quantile_bins, spec.grid.scale_log2};
  const bool histogram = spec.quantile_bins != 0;
  VEILSUM_ASSIGN_OR_RETURN(const double sensitivity, histogram ? HistogramSensitivity(bins)
                                                               : StatisticsSensitivity(spec.grid));
  const std::uint64_t dimension =
      histogram ? HistogramDimension(bins) : StatisticsDimension(spec.grid);
  return SumFacts{"statistics",
                  1.0,
                  spec.attempts_max,
                  static_cast<double>(dimension),
                  sensitivity,
                  0.0,
                  UsersInRound(spec.users_in_round_max, members, spec.grid.users),
                  std::ldexp(1.0, spec.grid.scale_log2),
                  spec.ring_bits};
}

absl::StatusOr<SumFacts> FactsOf(const EvaluationSumSpec& spec) {
  VEILSUM_RETURN_IF_ERROR(ValidateRing("evaluation", spec.ring_bits, spec.attempts_max));
  if (!(spec.share > 0 && spec.share <= 1))
    return InvalidArgument("evaluation share is %g, must be above 0 and at most 1", spec.share);
  if (spec.users_in_round_max == 0)
    return InvalidArgument("evaluation users_in_round_max is 0, must be at least 1 (DP-10)");
  VEILSUM_ASSIGN_OR_RETURN(const double sensitivity, ScoreHistogramSensitivity(spec.grid));
  return SumFacts{"evaluation",
                  1.0,
                  spec.attempts_max,
                  static_cast<double>(ScoreHistogramDimension(spec.grid)),
                  sensitivity,
                  0.0,
                  static_cast<double>(spec.users_in_round_max),
                  std::ldexp(1.0, spec.grid.scale_log2),
                  spec.ring_bits};
}

absl::StatusOr<RunFacts> FactsOf(const RunPrivacyInput& input) {
  if (!(input.epsilon > 0)) return InvalidArgument("epsilon is %g, must be above 0", input.epsilon);
  VEILSUM_ASSIGN_OR_RETURN(const Delta delta, Delta::Create(input.delta));
  VEILSUM_RETURN_IF_ERROR(ValidateCohort(input.cohort));
  RunFacts facts;
  VEILSUM_ASSIGN_OR_RETURN(facts.training, FactsOf(input.training, input.cohort.members));
  if (input.statistics) {
    if (!(input.statistics_share > 0 && input.statistics_share < 1))
      return InvalidArgument("statistics_share is %g, must be above 0 and below 1",
                             input.statistics_share);
    VEILSUM_ASSIGN_OR_RETURN(facts.statistics, FactsOf(*input.statistics, input.cohort.members));
  }
  if (input.evaluation) {
    VEILSUM_ASSIGN_OR_RETURN(facts.evaluation, FactsOf(*input.evaluation));
  }
  facts.members = input.cohort.members;
  facts.min_survivors = input.cohort.min_survivors;
  facts.carriers = input.cohort.min_survivors - input.cohort.colluders;
  facts.delta = delta.value();
  facts.accountant = input.accountant;
  return facts;
}

SumNoise NoiseAt(const SumFacts& sum, double carriers, double noise_multiplier) {
  carriers = sum.CarriersOf(carriers);
  const double scaled = noise_multiplier * sum.sensitivity;
  double sigma = std::sqrt(scaled * scaled + kRoundingVariance);
  if (!sum.is_merchant())
    return {sum.sensitivity, noise_multiplier, sigma, sigma / std::sqrt(carriers)};
  // S*^2 - 1/12 = z^2 (D_update^2 + half^2), half <= S* / (2 sigma_bit).
  const double of_bit = noise_multiplier / (2 * sum.bit_noise), left = 1 - of_bit * of_bit;
  if (!(left > 0)) return {kInfinity, noise_multiplier, kInfinity, kInfinity};
  sigma /= std::sqrt(left);
  const double sensitivity = sum.SensitivityAt(sigma);
  return {sensitivity, std::sqrt(sigma * sigma - kRoundingVariance) / sensitivity, sigma,
          sigma / std::sqrt(carriers)};
}

absl::Status CheckRings(const RunFacts& facts, const RunNoise& noise) {
  VEILSUM_RETURN_IF_ERROR(CheckRing(facts.training, facts.members, noise.training));
  if (facts.statistics)
    VEILSUM_RETURN_IF_ERROR(CheckRing(*facts.statistics, facts.members, *noise.statistics));
  if (facts.evaluation)
    VEILSUM_RETURN_IF_ERROR(CheckRing(*facts.evaluation, facts.members, *noise.evaluation));
  return absl::OkStatus();
}

}  // namespace veilsum::dp
