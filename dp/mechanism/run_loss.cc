#include "dp/mechanism/run_loss.h"

#include <algorithm>
#include <cmath>

#include "dp/analysis/rdp.h"
#include "dp/ledger/budget_filter.h"
#include "dp/sampler/discrete_gaussian.h"

namespace veilsum::dp {
namespace {

constexpr double kMostSlackShare = 0.01;  // of delta; a plan that needs more is refused (DP-18)

// Distance of one attempt's real noise to the ideal, when `sigma` is the honest part of the sum.
AttemptCharge DistanceOfAttempt(const SumFacts& sum, double members, const SumNoise& noise,
                                double sigma) {
  const absl::StatusOr<SamplerShape> shape = ChooseSamplerShape(noise.share_sigma);
  if (!shape.ok()) return {0, 0, kInfinity};
  // A sum of shares sigma_i >= 8 is within 10 n exp(-pi^2 sigma_i^2) of a discrete Gaussian, per
  // coordinate (arXiv 2102.06387, section 3).
  const double share_sum =
      10 * members * std::exp(-M_PI * M_PI * noise.share_sigma * noise.share_sigma);
  return {0, sum.dimension * kKlConstant / std::pow(sigma, 8),
          sum.dimension * (members * shape->distance_per_sample + share_sum)};
}

double SlackAt(const ViewedRun& run, double epsilon) {
  return (1 + std::exp(epsilon)) * (std::sqrt(run.distance.kl / 2) + run.distance.linear) +
         run.overflow;
}

}  // namespace

void AddSum(ViewedRun& run, const SumFacts& sum, double members, const SumNoise& noise,
            const View& view) {
  const double sigma = noise.share_sigma * std::sqrt(view.shares);
  const double ideal = std::sqrt(std::max(0.0, sigma * sigma - kRoundingVariance));
  const double attempts = static_cast<double>(sum.attempts);
  // DP-16: sampled anywhere with probability q_m = 1 - (1 - q)^m, then moving the sum by at most m
  // D2 (lemma L8, coarse bound).
  const double rate = view.merchants == 1
                          ? sum.sampling_rate
                          : -std::expm1(view.merchants * std::log1p(-sum.sampling_rate));
  run.schedule.push_back(
      {std::min(1.0, rate), ideal / (view.merchants * sum.sensitivity), sum.attempts});
  const AttemptCharge distance = DistanceOfAttempt(sum, members, noise, sigma);
  run.distance.kl += attempts * distance.kl;
  run.distance.linear += attempts * distance.linear;
  run.overflow += view.merchants * sum.overflow;
}

ViewLoss LossOf(const ViewedRun& run, double delta) {
  const auto loss_at = [&](double d) {
    return EpsilonOfSchedule(run.schedule, d, DefaultOrders(), Refine::kBetweenNeighbours);
  };
  EpsilonAndOrder loss = loss_at(delta);
  for (int i = 0; i < 60; ++i) {
    const double slack = SlackAt(run, loss.epsilon);
    if (!(slack < delta / 2)) return {};  // nothing worth claiming is left
    const EpsilonAndOrder next = loss_at(delta - slack);
    if (next.epsilon <= loss.epsilon * (1 + 1e-12))
      return {std::max(loss.epsilon, next.epsilon), next.order, slack};
    loss = next;
  }
  return {};
}

ViewedRun ViewRun(const RunFacts& facts, const RunNoise& noise, const View& view) {
  ViewedRun run;
  AddSum(run, facts.training, facts.members, noise.training, view);
  if (facts.statistics) AddSum(run, *facts.statistics, facts.members, *noise.statistics, view);
  return run;
}

AttemptCharge Charge(const SumFacts& sum, double members, const SumNoise& noise,
                     std::uint32_t order) {
  AttemptCharge charge = DistanceOfAttempt(sum, members, noise, noise.noise_sigma);
  charge.rdp = RdpAtOrder(sum.sampling_rate, noise.noise_multiplier, order);
  charge.linear += sum.overflow / static_cast<double>(sum.attempts);
  return charge;
}

PrivacyStatement MakeStatement(const RunFacts& facts, const RunNoise& noise) {
  const auto loss = [&](const View& view) {
    return LossOf(ViewRun(facts, noise, view), facts.delta);
  };
  PrivacyStatement statement{};
  const ViewLoss published = loss({facts.carriers});
  statement.epsilon = published.epsilon;
  statement.order = published.order;
  statement.delta_slack = published.slack;
  statement.delta = facts.delta;
  statement.epsilon_coordinator = statement.epsilon_outsider = loss({facts.min_survivors}).epsilon;
  statement.epsilon_all_others = loss({1}).epsilon;
  for (unsigned merchants : {2u, 3u})
    statement.epsilon_person[merchants - 2] = loss({facts.carriers, merchants}).epsilon;
  if (facts.statistics) {
    ViewedRun alone;
    AddSum(alone, *facts.statistics, facts.members, *noise.statistics, {facts.carriers});
    statement.statistics_epsilon = LossOf(alone, facts.delta).epsilon;
  }
  const auto budget = SmallestBudget(facts.delta, [&](std::uint32_t order) {
    std::vector<Reserve> reserves = {{"training",
                                      Charge(facts.training, facts.members, noise.training, order),
                                      facts.training.attempts}};
    if (facts.statistics)
      reserves.push_back({"statistics",
                          Charge(*facts.statistics, facts.members, *noise.statistics, order),
                          facts.statistics->attempts});
    return reserves;
  });
  statement.epsilon_filter = budget.ok() ? budget->epsilon : kInfinity;
  statement.filter_order = budget.ok() ? budget->order : 0;
  return statement;
}

PrivacyStatement NoStatement(double delta) {
  return {kInfinity, kInfinity, kInfinity, kInfinity, {kInfinity, kInfinity}, kInfinity, delta,
          0,         0,         kInfinity, 0};
}

std::vector<double> RdpPerAttempt(const SumFacts& sum, const SumNoise& noise) {
  std::vector<double> out;
  for (const double order : DefaultOrders())
    out.push_back(RdpAtOrder(sum.sampling_rate, noise.noise_multiplier, order));
  return out;
}

absl::Status CheckSlack(const PrivacyStatement& statement) {
  if (statement.delta_slack > kMostSlackShare * statement.delta)
    return InvalidArgument(
        "delta slack of integer noise, sampler and padding is %g, must be at most delta / 100 = %g "
        "(DP-18)",
        statement.delta_slack, kMostSlackShare * statement.delta);
  return absl::OkStatus();
}

}  // namespace veilsum::dp
