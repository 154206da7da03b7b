#include "dp/mechanism/choose_bands.h"

#include <algorithm>
#include <cmath>

#include "dp/analysis/calibrate.h"

namespace veilsum::dp {
namespace {

constexpr std::uint64_t kMostBands = 4096;
constexpr std::uint64_t kMostBandSteps = 1'000'000;

absl::StatusOr<double> LeastNoiseOf(const BandQuery& query, const SamplingRate& rate,
                                    std::uint64_t releases) {
  VEILSUM_ASSIGN_OR_RETURN(const Epsilon epsilon, Epsilon::Create(query.epsilon));
  VEILSUM_ASSIGN_OR_RETURN(const Delta delta, Delta::Create(query.delta));
  VEILSUM_ASSIGN_OR_RETURN(const Calibration renyi, LeastNoise(epsilon, delta, rate, releases));
  if (query.accountant == AccountantKind::kRdp) return renyi.noise_multiplier;
  VEILSUM_ASSIGN_OR_RETURN(
      const Calibration least,
      LeastNoiseNear(query.epsilon, renyi.noise_multiplier * 0.93, [&](double z) {
        const auto accountant = MakeAccountant(query.accountant);
        if (!accountant.ok() || !(*accountant)->Compose({rate.value(), z, releases}).ok())
          return INFINITY + 0.0;
        const auto loss = (*accountant)->LossAt(delta);
        return loss.ok() ? loss->epsilon : INFINITY + 0.0;
      }));
  return least.noise_multiplier;
}

}  // namespace

absl::StatusOr<std::vector<BandChoice>> RankBands(const BandQuery& query) {
  if (query.steps < 1 || query.steps > kMostBandSteps)
    return InvalidArgument("steps is %d, must be from 1 to %d", query.steps, kMostBandSteps);
  if (query.most_bands < 1 || query.most_bands > kMostBands)
    return InvalidArgument("most_bands is %d, must be from 1 to %d", query.most_bands, kMostBands);
  VEILSUM_RETURN_IF_ERROR(SamplingRate::Create(query.sampling_rate).status());
  std::vector<BandChoice> choices;
  for (std::uint64_t bands = 1; bands <= std::min(query.most_bands, query.steps); ++bands) {
    const absl::StatusOr<Rational> group = GroupRate(query.sampling_rate, bands);
    if (query.steps % bands != 0 || !group.ok()) continue;
    VEILSUM_ASSIGN_OR_RETURN(const SamplingRate rate, SamplingRate::Create(*group));
    VEILSUM_ASSIGN_OR_RETURN(const BandMatrix matrix, BandMatrix::Create(bands));
    const std::uint64_t releases = query.steps / bands;
    VEILSUM_ASSIGN_OR_RETURN(const double noise, LeastNoiseOf(query, rate, releases));
    choices.push_back({bands, *group, releases, noise, matrix.Norm(),
                       noise * matrix.Norm() * matrix.DecodedError(query.steps)});
  }
  std::ranges::stable_sort(choices, {}, &BandChoice::error);
  return choices;
}

}  // namespace veilsum::dp
