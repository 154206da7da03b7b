#include "client/serve/off_policy.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace veilsum::client {
namespace {

absl::Status Check(const Decision& d) {
  if (!(d.propensity > 0 && d.propensity <= 1))
    return InvalidArgument("a propensity is %g, must be above 0 and at most 1", d.propensity);
  if (d.action >= d.policy.size() || d.values.size() != d.policy.size())
    return InvalidArgument("action %d of a policy over %d actions with values of %d", d.action,
                           d.policy.size(), d.values.size());
  const double sum = std::accumulate(d.policy.begin(), d.policy.end(), 0.0);
  if (!(std::abs(sum - 1) < 1e-6) || !std::isfinite(d.reward))
    return InvalidArgument("a policy sums to %g, or a reward is not finite", sum);
  return absl::OkStatus();
}

double Expected(const Decision& d) {
  double sum = 0;
  for (std::size_t a = 0; a < d.policy.size(); ++a) sum += d.policy[a] * d.values[a];
  return sum;
}

// Of independent terms.
PolicyEstimate MeanOf(const std::vector<double>& terms) {
  const auto count = static_cast<double>(terms.size());
  double sum = 0, squares = 0;
  for (const double x : terms) sum += x;
  const double mean = sum / count;
  for (const double x : terms) squares += (x - mean) * (x - mean);
  return {mean, count < 2 ? 0 : std::sqrt(squares / (count - 1) / count)};
}

double Logged(const Episode& episode, double discount) {
  double value = 0, weight = 1;
  for (const Decision& d : episode) {
    value += weight * d.reward;
    weight *= discount;
  }
  return value;
}

// V = v(s) + rho (r + discount V' - q(s, a)), from the last decision back.
double DoublyRobust(const Episode& episode, double discount) {
  double value = 0;
  for (std::size_t t = episode.size(); t-- > 0;) {
    const Decision& d = episode[t];
    const double rho = d.policy[d.action] / d.propensity;
    value = Expected(d) + rho * (d.reward + discount * value - d.values[d.action]);
  }
  return value;
}

// A ratio of means for each place in an episode; an episode that is over counts with reward 0 and
// the weight that it ended with. The error by linearisation: each episode's share in all ratios.
PolicyEstimate SelfNormalised(const std::vector<Episode>& episodes, double discount,
                              double& effective) {
  std::size_t longest = 0;
  for (const Episode& episode : episodes) longest = std::max(longest, episode.size());
  std::vector<double> weight(episodes.size(), 1), share(episodes.size());
  const auto count = static_cast<double>(episodes.size());
  double value = 0, factor = 1;
  for (std::size_t t = 0; t < longest; ++t, factor *= discount) {
    double weights = 0, weighted = 0;
    const auto reward = [&](std::size_t i) {
      return t < episodes[i].size() ? episodes[i][t].reward : 0;
    };
    for (std::size_t i = 0; i < episodes.size(); ++i) {
      if (t < episodes[i].size())
        weight[i] *= episodes[i][t].policy[episodes[i][t].action] / episodes[i][t].propensity;
      weights += weight[i];
      weighted += weight[i] * reward(i);
    }
    if (weights == 0) break;  // the log never did what the policy does
    const double ratio = weighted / weights;
    value += factor * ratio;
    for (std::size_t i = 0; i < episodes.size(); ++i)
      share[i] += factor * weight[i] * (reward(i) - ratio) * count / weights;
  }
  double sum = 0, squares = 0;
  for (const double w : weight) {
    sum += w;
    squares += w * w;
  }
  effective = squares > 0 ? sum * sum / squares : 0;
  return {value, MeanOf(share).error};
}

}  // namespace

absl::StatusOr<OffPolicy> EvaluatePolicy(std::vector<Episode> episodes, double discount) {
  if (!(discount >= 0 && discount < 1))
    return InvalidArgument("discount is %g, must be at least 0 and below 1", discount);
  std::erase_if(episodes, [](const Episode& episode) { return episode.empty(); });
  if (episodes.empty()) return InvalidArgument("there are no decisions to evaluate on");
  OffPolicy out;
  std::vector<Episode> parts;
  for (Episode& episode : episodes) {
    for (Decision& d : episode) {
      VEILSUM_RETURN_IF_ERROR(Check(d));
      ++out.decisions;
      if (discount == 0) parts.push_back({std::move(d)});
    }
    if (discount != 0) parts.push_back(std::move(episode));
  }
  out.episodes = parts.size();
  std::vector<double> logged, robust, direct;
  for (const Episode& episode : parts) {
    logged.push_back(Logged(episode, discount));
    robust.push_back(DoublyRobust(episode, discount));
    direct.push_back(Expected(episode.front()));
  }
  out.logged = MeanOf(logged);
  out.doubly_robust = MeanOf(robust);
  out.direct = MeanOf(direct);
  out.self_normalised = SelfNormalised(parts, discount, out.effective_episodes);
  return out;
}

std::vector<double> GreedyPolicy(std::span<const double> values, double explore) {
  std::vector<double> policy(values.size(), explore / static_cast<double>(values.size()));
  policy[static_cast<std::size_t>(std::ranges::max_element(values) - values.begin())] +=
      1 - explore;
  return policy;
}

}  // namespace veilsum::client
