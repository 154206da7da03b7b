#include "dp/params.h"

#include <cmath>

namespace veilsum::dp {
namespace {

absl::Status RequirePositiveFinite(std::string_view field, double value) {
  if (!std::isfinite(value) || value <= 0)
    return InvalidArgument("%s is %g, must be finite and above 0", field, value);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Epsilon> Epsilon::Create(double value) {
  VEILSUM_RETURN_IF_ERROR(RequirePositiveFinite("epsilon", value));
  return Epsilon(value);
}

absl::StatusOr<Delta> Delta::Create(double value) {
  if (!(value >= 1e-15 && value < 1))
    return InvalidArgument("delta is %g, must be at least 1e-15 and below 1 (DP-18)", value);
  return Delta(value);
}

absl::StatusOr<NoiseMultiplier> NoiseMultiplier::Create(double value) {
  VEILSUM_RETURN_IF_ERROR(RequirePositiveFinite("noise_multiplier", value));
  return NoiseMultiplier(value);
}

absl::StatusOr<ClipNorm> ClipNorm::Create(double value) {
  VEILSUM_RETURN_IF_ERROR(RequirePositiveFinite("clip_norm", value));
  return ClipNorm(value);
}

absl::StatusOr<SamplingRate> SamplingRate::Create(const Rational& rate) {
  if (rate.numerator() == 0 || rate.numerator() > rate.denominator())
    return InvalidArgument("sampling_rate is %s, must be above 0 and at most 1 (DP-01)",
                           rate.ToString());
  if (rate.numerator() == rate.denominator()) return SamplingRate(rate, ~std::uint64_t{0});
  const auto threshold = static_cast<std::uint64_t>(
      (static_cast<unsigned __int128>(rate.numerator()) << 64) / rate.denominator());
  if (threshold == 0)
    return InvalidArgument("sampling_rate is %s, must be at least 2^-64 (DP-01)", rate.ToString());
  return SamplingRate(rate, threshold - 1);
}

absl::StatusOr<SamplingRate> SamplingRate::Parse(std::string_view text) {
  absl::StatusOr<Rational> rate = Rational::Parse(text);
  if (!rate.ok()) return Annotate(rate.status(), "sampling_rate");
  return Create(*rate);
}

}  // namespace veilsum::dp
