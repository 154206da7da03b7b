#include "dp/audit/one_run_bound.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "dp/analysis/log_choose.h"

namespace veilsum::dp {
namespace {

constexpr double kMostEpsilon = 64;

// tails[k] = P[Bin(r, p) >= k], k = 0 .. r + 1, added from the small end.
std::vector<double> BinomialTails(std::uint64_t r, double epsilon) {
  const double log_p = -std::log1p(std::exp(-epsilon)), log_q = log_p - epsilon;
  const double n = static_cast<double>(r);
  std::vector<double> tails(r + 2, 0);
  for (std::uint64_t k = r + 1; k-- > 0;) {
    const double x = static_cast<double>(k);
    tails[k] = tails[k + 1] + std::exp(LogChoose(n, x) + x * log_p + (n - x) * log_q);
  }
  return tails;
}

}  // namespace

double ChanceOfGuesses(const CanaryGuesses& result, double epsilon, double delta) {
  const std::vector<double> tails = BinomialTails(result.guesses, epsilon);
  const double beta = tails[result.correct];
  double most = 0;
  for (std::uint64_t i = 1; i <= result.correct; ++i)
    most = std::max(most, (tails[result.correct - i] - beta) / static_cast<double>(i));
  return std::min(1.0, beta + 2 * static_cast<double>(result.canaries) * delta * most);
}

absl::StatusOr<double> EpsilonLowerBound(const CanaryGuesses& result, double delta,
                                         double significance) {
  if (result.canaries > std::uint64_t{1} << 24)
    return InvalidArgument("canaries is %d, must be at most 2^24", result.canaries);
  if (result.guesses < 1 || result.guesses > result.canaries)
    return InvalidArgument("guesses is %d, must be 1 to canaries = %d", result.guesses,
                           result.canaries);
  if (result.correct > result.guesses)
    return InvalidArgument("correct is %d, must be at most guesses = %d", result.correct,
                           result.guesses);
  if (!(delta >= 0 && delta < 1))
    return InvalidArgument("delta is %g, must be at least 0 and below 1", delta);
  if (!(significance > 0 && significance < 1))
    return InvalidArgument("significance is %g, must be above 0 and below 1", significance);
  if (ChanceOfGuesses(result, 0, delta) > significance) return 0.0;
  double refuted = 0, open = kMostEpsilon;  // the chance grows with epsilon
  for (int i = 0; i < 60; ++i) {
    const double middle = (refuted + open) / 2;
    (ChanceOfGuesses(result, middle, delta) <= significance ? refuted : open) = middle;
  }
  return refuted;
}

}  // namespace veilsum::dp
