#include "coordinator/rollout/veto_gate.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "dp/mechanism/randomised_response.h"

namespace veilsum::coordinator {
namespace {

constexpr double kSeenAtLeast = 0.8;

// P(B = i), i = 0 .. n.
std::vector<double> Binomial(std::uint64_t n, double p) {
  std::vector<double> out(n + 1, 0);
  if (p <= 0 || p >= 1) {
    out[p <= 0 ? 0 : n] = 1;
    return out;
  }
  const double all = std::lgamma(static_cast<double>(n) + 1);
  for (std::uint64_t i = 0; i <= n; ++i) {
    const auto hit = static_cast<double>(i), miss = static_cast<double>(n - i);
    out[i] = std::exp(all - std::lgamma(hit + 1) - std::lgamma(miss + 1) + hit * std::log(p) +
                      miss * std::log1p(-p));
  }
  return out;
}

// Bits of a group in which `vetoes` of `votes` object: those tell so with probability `truth`, the
// others by mistake. Everything grows with `vetoes`.
class Bits {
 public:
  Bits(std::uint64_t votes, double truth) : votes_(votes), truth_(truth) {}
  // P(at least `raised` bits are set).
  double AtLeast(std::uint64_t raised, std::uint64_t vetoes) const {
    const std::vector<double> told = Binomial(vetoes, truth_);
    std::vector<double> tail = Binomial(votes_ - vetoes, 1 - truth_);  // P(>= i by mistake)
    for (std::size_t i = tail.size() - 1; i-- > 0;) tail[i] += tail[i + 1];
    double out = 0;
    for (std::uint64_t i = 0; i <= vetoes; ++i) {
      const std::uint64_t rest = raised > i ? raised - i : 0;
      if (rest < tail.size()) out += told[i] * tail[rest];
    }
    return std::min(out, 1.0);
  }
  // With every bit and every opinion turned round: at least the rest are unset.
  double AtMost(std::uint64_t raised, std::uint64_t vetoes) const {
    return AtLeast(votes_ - raised, votes_ - vetoes);
  }

 private:
  const std::uint64_t votes_;
  const double truth_;
};

// The least of 0 .. last for which `holds`, which once true stays so; `last` when it never is.
template <typename Holds>
std::uint64_t Least(std::uint64_t last, Holds&& holds) {
  std::uint64_t low = 0, high = last;
  while (low < high) {
    const std::uint64_t middle = low + (high - low) / 2;
    if (holds(middle))
      high = middle;
    else
      low = middle + 1;
  }
  return low;
}

// The smallest true share that is a breach four times in five; infinite: not even everybody.
double DetectableBy(std::uint32_t epsilon, std::uint64_t votes, double limit, double alpha) {
  const auto n = static_cast<double>(votes);
  const auto breach = [&](std::uint64_t raised) {
    return static_cast<double>(VetoesOf(epsilon, {votes, raised}, alpha).low) > limit * n;
  };
  const double never = std::numeric_limits<double>::infinity();
  const std::uint64_t raised = Least(votes, breach);
  if (!breach(raised)) return never;
  const Bits bits(votes, dp::TruthProbability(epsilon));
  const auto seen = [&](std::uint64_t vetoes) {
    return bits.AtLeast(raised, vetoes) >= kSeenAtLeast;
  };
  const std::uint64_t vetoes = Least(votes, seen);
  return seen(vetoes) ? static_cast<double>(vetoes) / n : never;
}

}  // namespace

VetoRange VetoesOf(std::uint32_t epsilon_millis, const VetoGroup& group, double alpha) {
  const Bits bits(group.votes, dp::TruthProbability(epsilon_millis));
  // Clopper and Pearson (1934): what would show this much, or this little, too seldom is left out.
  const std::uint64_t low =
      Least(group.votes, [&](std::uint64_t v) { return bits.AtLeast(group.raised, v) > alpha; });
  const std::uint64_t above = Least(group.votes + 1, [&](std::uint64_t v) {
    return v > group.votes || bits.AtMost(group.raised, v) <= alpha;
  });
  return {low, std::max(low, above == 0 ? 0 : above - 1)};
}

GateResult VetoGate(const VetoCounts& counts, const GateLimits& limits, std::uint32_t look) {
  GateResult out{"veto", Verdict::kInconclusive, OnBreach::kRollback, 0, 0, 0, limits.veto, 0, ""};
  const double alpha = SpentAlpha(limits.alpha, look) / std::max<double>(1, counts.size());
  double votes = 0, least = std::numeric_limits<double>::infinity();
  for (const auto& [epsilon, group] : counts) {
    const double truth = dp::TruthProbability(epsilon);
    const auto n = static_cast<double>(group.votes);
    const VetoRange range = VetoesOf(epsilon, group, alpha);
    votes += n;
    out.value += (static_cast<double>(group.raised) - n * (1 - truth)) / (2 * truth - 1);
    out.low += static_cast<double>(range.low);
    out.high += static_cast<double>(range.high);
  }
  if (votes == 0) {
    out.why = "no merchant has voted";
    return out;
  }
  // The groups are looked at one by one: a share of all that one of them alone would show.
  for (const auto& [epsilon, group] : counts) {
    const double part = static_cast<double>(group.votes) / votes;
    least = std::min(least, part * DetectableBy(epsilon, group.votes, limits.veto / part, alpha));
  }
  out.value /= votes;
  out.low /= votes;
  out.high /= votes;
  out.detectable = least;
  if (out.high <= out.limit) out.verdict = Verdict::kPass;
  if (out.low > out.limit) out.verdict = Verdict::kBreach;
  if (out.verdict == Verdict::kInconclusive)
    out.why = std::isfinite(least)
                  ? absl::StrFormat("%d votes show vetoes from %.0f %% of the merchants on",
                                    static_cast<std::uint64_t>(votes), 100 * least)
                  : absl::StrFormat("%d votes could not show it if all were vetoes",
                                    static_cast<std::uint64_t>(votes));
  return out;
}

}  // namespace veilsum::coordinator
