#include "dp/mechanism/repeat_count.h"

#include "base/uniform.h"

namespace veilsum::dp {
namespace {

constexpr std::uint64_t kMostDenominator = std::uint64_t{1} << 32;

// True with probability numerator / denominator, exactly.
bool Bernoulli(std::uint64_t numerator, std::uint64_t denominator, SecureRng& rng) {
  return UniformBelow(denominator, rng) < numerator;
}

}  // namespace

absl::StatusOr<RepeatCount> RepeatCount::Create(const Rational& eta, const Rational& gamma) {
  if (eta.numerator() > eta.denominator() || eta.denominator() > kMostDenominator)
    return InvalidArgument("eta is %s, must be from 0 to 1 with a denominator of at most 2^32",
                           eta.ToString());
  if (!(gamma.ToDouble() >= 1e-6) || gamma.numerator() >= gamma.denominator() ||
      gamma.denominator() > kMostDenominator)
    return InvalidArgument(
        "gamma is %s, must be at least 1e-6 and below 1 with a denominator of at most 2^32",
        gamma.ToString());
  return RepeatCount(eta, gamma);
}

std::uint64_t RepeatCount::Draw(SecureRng& rng) const {
  for (;;) {
    std::uint64_t runs = 1;
    while (!Bernoulli(gamma_.numerator(), gamma_.denominator(), rng)) ++runs;
    bool kept = true;
    for (std::uint64_t l = 1; l < runs && kept; ++l)
      kept =
          Bernoulli(l * eta_.denominator() + eta_.numerator(), (l + 1) * eta_.denominator(), rng);
    if (kept) return runs;
  }
}

}  // namespace veilsum::dp
