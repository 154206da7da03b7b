#include "dp/audit/canary_game.h"

#include <algorithm>
#include <numeric>

namespace veilsum::dp {
namespace {

std::uint64_t CorrectAmongHighest(const std::vector<bool>& in, const std::vector<double>& score,
                                  std::uint64_t guesses) {
  std::vector<std::uint32_t> by_score(score.size());
  std::iota(by_score.begin(), by_score.end(), 0u);
  const auto end = by_score.begin() + static_cast<std::ptrdiff_t>(guesses);
  std::partial_sort(by_score.begin(), end, by_score.end(), [&](std::uint32_t a, std::uint32_t b) {
    return score[a] > score[b] || (score[a] == score[b] && a < b);
  });
  return static_cast<std::uint64_t>(
      std::count_if(by_score.begin(), end, [&](std::uint32_t canary) { return in[canary]; }));
}

}  // namespace

std::vector<bool> DrawCanaryCoins(std::size_t canaries, SecureRng& rng) {
  std::vector<std::uint8_t> bytes((canaries + 7) / 8);
  rng.Fill(bytes);
  std::vector<bool> in(canaries);
  for (std::size_t i = 0; i < canaries; ++i) in[i] = (bytes[i / 8] >> (i % 8) & 1) != 0;
  return in;
}

absl::StatusOr<AuditEvidence> EvaluateCanaries(const std::vector<bool>& in,
                                               std::span<const CanaryScore> scores,
                                               std::span<const std::uint64_t> guesses, double delta,
                                               double significance) {
  if (scores.empty() || guesses.empty())
    return InvalidArgument("an audit needs at least one score and one number of guesses");
  const double share = significance / static_cast<double>(scores.size() * guesses.size());
  AuditEvidence best;
  for (const CanaryScore& score : scores) {
    if (score.values.size() != in.size())
      return InvalidArgument("score %s has %d values for %d canaries", score.name,
                             score.values.size(), in.size());
    for (const std::uint64_t count : guesses) {
      if (count > in.size())
        return InvalidArgument("guesses is %d, must be at most canaries = %d", count, in.size());
      const CanaryGuesses result{in.size(), count, CorrectAmongHighest(in, score.values, count)};
      VEILSUM_ASSIGN_OR_RETURN(const double bound, EpsilonLowerBound(result, delta, share));
      if (bound >= best.epsilon_lower_bound) best = {bound, result, score.name};
    }
  }
  return best;
}

}  // namespace veilsum::dp
