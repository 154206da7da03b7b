#include "dp/mechanism/local_mode.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace veilsum::dp {
namespace {

constexpr std::uint64_t kMostSteps = 10'000'000;

RunPrivacyInput InputOf(const LocalModeSpec& spec) {
  return {.epsilon = spec.epsilon,
          .delta = spec.delta,
          .cohort = {.members = 1, .min_survivors = 1, .colluders = 0},
          .training = {.grid = spec.grid,
                       .sampling_rate = spec.sampling_rate,
                       .attempts_max = spec.local_steps * spec.rounds_max,
                       .users_in_round_max = 0,
                       .ring_bits = 64},
          .statistics = std::nullopt,
          .accountant = spec.accountant};
}

}  // namespace

AttemptCharge LocalModeNoise::charge_of_round(const LocalModeSpec& spec,
                                              std::uint32_t order) const {
  AttemptCharge charge = ChargeOfTrainingAttempt(InputOf(spec), sum, order);
  const auto steps = static_cast<double>(spec.local_steps);
  return {charge.rdp * steps, charge.kl * steps, charge.linear * steps};
}

absl::StatusOr<LocalModeNoise> CalibrateLocalMode(const LocalModeSpec& spec) {
  if (spec.local_steps < 1 || spec.local_steps > kMostSteps)
    return InvalidArgument("local_steps is %d, must be from 1 to %d", spec.local_steps, kMostSteps);
  if (spec.rounds_max < 1 || spec.rounds_max > kMostSteps)
    return InvalidArgument("rounds_max is %d, must be from 1 to %d", spec.rounds_max, kMostSteps);
  if (!std::isfinite(spec.epsilon))
    return InvalidArgument("epsilon is %g, must be finite: local mode without noise is no mode",
                           spec.epsilon);
  VEILSUM_ASSIGN_OR_RETURN(const RunPrivacy run, CalibrateRun(InputOf(spec)));
  return LocalModeNoise{run.training, run.statement.epsilon, run.statement.epsilon_rdp,
                        run.statement.delta_slack};
}

absl::StatusOr<NoisedVector> LocalRound::Update(double clamp, int scale_log2) const {
  const double limit = std::ldexp(clamp, scale_log2);
  if (!(limit > 0 && limit <= 0x1p62))
    return InvalidArgument("clamp times scale is %g, must be above 0 and at most 2^62", limit);
  const std::vector<float>&start = model_.start(), &moved = model_.parameters();
  std::vector<std::int64_t> integers;
  integers.reserve(moved.size());
  for (std::size_t i = 0; i < moved.size(); ++i) {
    const double difference = static_cast<double>(moved[i]) - static_cast<double>(start[i]);
    const double scaled = std::ldexp(difference, scale_log2);
    integers.push_back(std::isnan(scaled) ? 0 : std::llrint(std::clamp(scaled, -limit, limit)));
  }
  return NoisedVector(std::move(integers));
}

}  // namespace veilsum::dp
