#include "dp/audit/null_round.h"

#include <cmath>

namespace veilsum::dp {

bool NullRound::suspicious() const {
  constexpr double kAlarm = 5.33;
  return !(std::abs(spread) <= kAlarm && std::abs(mean) <= kAlarm);
}

absl::StatusOr<NullRound> CheckNullRound(std::span<const std::int64_t> sum, double noise_sigma) {
  if (sum.size() < 1000)
    return InvalidArgument("a null round has %d coordinates, must have at least 1000", sum.size());
  if (!(noise_sigma >= 8 && std::isfinite(noise_sigma)))
    return InvalidArgument("noise_sigma is %g, must be at least 8", noise_sigma);
  double first = 0, second = 0;
  for (const std::int64_t value : sum) {
    const double x = static_cast<double>(value) / noise_sigma;
    first += x;
    second += x * x;
  }
  const double d = static_cast<double>(sum.size());
  return NullRound{std::sqrt(second / d), (second / d - 1) / std::sqrt(2 / d),
                   first / std::sqrt(d)};
}

}  // namespace veilsum::dp
