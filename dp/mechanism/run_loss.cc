#include "dp/mechanism/run_loss.h"

#include <algorithm>
#include <cmath>

#include "dp/analysis/rdp.h"
#include "dp/ledger/budget_filter.h"
#include "dp/sampler/discrete_gaussian.h"

namespace veilsum::dp {
namespace {

// Beyond it a claim says nothing, and a grid of losses would be long: Renyi's bound stands.
constexpr double kMostNumericalEpsilon = 100;
constexpr double kSlackMargin = 1e-3;     // of epsilon, for which slack is provided
constexpr double kMostSlackShare = 0.01;  // of delta; a plan that needs more is refused (DP-18)

// Distance of one attempt's real noise to the ideal, when `sigma` is the honest part of the sum.
AttemptCharge DistanceOfAttempt(const SumFacts& sum, double members, const SumNoise& noise,
                                double sigma) {
  const absl::StatusOr<SamplerShape> shape = ChooseSamplerShape(noise.share_sigma);
  if (!shape.ok()) return {0, 0, kInfinity};
  if (sum.is_local()) members = 1;  // one share is all of it
  // A sum of shares sigma_i >= 8 is within 10 n exp(-pi^2 sigma_i^2) of a discrete Gaussian, per
  // coordinate (arXiv 2102.06387, section 3).
  const double share_sum =
      10 * members * std::exp(-M_PI * M_PI * noise.share_sigma * noise.share_sigma);
  const double numbers = sum.dimension * sum.sums_per_attempt();
  return {0, numbers * kKlConstant / std::pow(sigma, 8),
          numbers * (members * shape->distance_per_sample + share_sum)};
}

double SlackAt(const ViewedRun& run, double epsilon) {
  return (1 + std::exp(epsilon)) * (std::sqrt(run.distance.kl / 2) + run.distance.linear) +
         run.overflow;
}

// The least epsilon with delta_RDP(epsilon) + slack(epsilon) <= delta: increasing iteration from
// the one without slack.
ViewLoss RenyiLossOf(const ViewedRun& run, double delta) {
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

// The same by another accountant, whose evaluations are dearer: slack is provided for an epsilon
// that is a little larger, and the first that turns out not to be exceeded will do.
ViewLoss NumericalLossOf(AccountantKind kind, const ViewedRun& run, double delta) {
  const absl::StatusOr<std::unique_ptr<Accountant>> accountant = MakeAccountant(kind);
  if (!accountant.ok()) return {};
  for (const PrivacyEvent& event : run.schedule)
    if (!(*accountant)->Compose(event).ok()) return {};
  // The closed bound of Renyi is at hand, and never below.
  double bound = RenyiLossOf(run, delta).epsilon;
  if (!(bound < kMostNumericalEpsilon)) return {bound, 0, SlackAt(run, bound)};
  for (int i = 0; i < 60; ++i) {
    const double slack = SlackAt(run, bound);
    const absl::StatusOr<Delta> left = Delta::Create(delta - slack);
    if (!(slack < delta / 2) || !left.ok()) return {};
    const absl::StatusOr<PrivacyLoss> loss = (*accountant)->LossAt(*left);
    if (!loss.ok()) return {};
    // Slack that is small against delta may as well be provided for the larger bound.
    if (loss->epsilon <= bound && slack < 1e-4 * delta) return {loss->epsilon, 0, slack};
    if (loss->epsilon <= bound && bound <= loss->epsilon * (1 + kSlackMargin))
      return {loss->epsilon, 0, slack};
    bound = loss->epsilon * (1 + kSlackMargin / 2);
  }
  return {};
}

}  // namespace

void AddSum(ViewedRun& run, const SumFacts& sum, double members, const SumNoise& noise,
            double shares, unsigned merchants, bool customer) {
  if (!std::isfinite(noise.noise_sigma)) return;  // tells nothing
  const double sigma = noise.share_sigma * std::sqrt(sum.CarriersOf(shares));
  const double ideal = std::sqrt(std::max(0.0, sigma * sigma - kRoundingVariance));
  double attempts = static_cast<double>(sum.attempts);
  std::uint64_t releases = sum.ReleasesOf(sum.attempts);
  if (sum.is_local()) {
    // Each merchant's sums have noise of their own: their losses compose.
    releases *= merchants;
    attempts *= merchants;
    run.overflow += (merchants - 1) * sum.overflow;
    merchants = 1;
  }
  // DP-16: each merchant samples on its own; k of them move the sum by at most k D2 (lemma L8).
  const double moves = noise.sensitivity * (customer ? sum.moves_of_customer() : 1);
  run.schedule.push_back(
      {sum.sampling_rate, ideal / moves, releases, NoiseKind::kGaussian, merchants});
  const AttemptCharge distance = DistanceOfAttempt(sum, members, noise, sigma);
  run.distance.kl += attempts * distance.kl;
  run.distance.linear += attempts * distance.linear;
  run.overflow += merchants * sum.overflow;
}

ViewLoss LossOf(AccountantKind kind, const ViewedRun& run, double delta) {
  return kind == AccountantKind::kRdp ? RenyiLossOf(run, delta) : NumericalLossOf(kind, run, delta);
}

absl::StatusOr<Calibration> LeastNoiseOf(
    const RunFacts& facts, double epsilon,
    const std::function<ViewedRun(double noise_multiplier)>& run) {
  VEILSUM_ASSIGN_OR_RETURN(const Calibration renyi, LeastNoise(epsilon, [&](double z) {
                             return RenyiLossOf(run(z), facts.delta).epsilon;
                           }));
  if (facts.accountant == AccountantKind::kRdp) return renyi;
  return LeastNoiseNear(epsilon, renyi.noise_multiplier * 0.93, [&](double z) {
    return LossOf(facts.accountant, run(z), facts.delta).epsilon;
  });
}

ViewedRun ViewRun(const RunFacts& facts, const RunNoise& noise, const View& view) {
  ViewedRun run;
  if (view.merchants > 0) {
    AddSum(run, facts.training, facts.members, noise.training, view.shares, view.merchants,
           view.customer);
    if (facts.statistics)
      AddSum(run, *facts.statistics, facts.members, *noise.statistics, view.shares, view.merchants);
  }
  if (facts.evaluation && view.held_out > 0)
    AddSum(run, *facts.evaluation, facts.members, *noise.evaluation, view.shares, view.held_out);
  return run;
}

std::vector<PricedAttempts> PricesOf(const SumFacts& sum, double members, const SumNoise& noise,
                                     std::uint32_t order) {
  AttemptCharge charge = DistanceOfAttempt(sum, members, noise, noise.noise_sigma);
  charge.linear += sum.overflow / static_cast<double>(sum.attempts);
  charge.rdp =
      sum.sums_per_attempt() *
      RdpAtOrder(sum.sampling_rate, noise.noise_multiplier / sum.moves_of_customer(), order);
  if (sum.bands == 1) return {{charge, sum.attempts}};
  std::vector<PricedAttempts> prices = {{charge, 1}};
  charge.rdp /= sum.bands;
  if (sum.attempts > 1) prices.push_back({charge, sum.attempts - 1});
  return prices;
}

namespace {

// The worst over where a person's `merchants` merchants have it: in training or held out (SE-11).
ViewLoss WorstLoss(AccountantKind kind, const RunFacts& facts, const RunNoise& noise, double shares,
                   unsigned merchants, double delta, bool customer = false) {
  ViewLoss worst{0, 0, 0};
  for (unsigned held_out = 0; held_out <= (facts.evaluation ? merchants : 0); ++held_out) {
    const ViewLoss loss = LossOf(
        kind, ViewRun(facts, noise, {shares, merchants - held_out, held_out, customer}), delta);
    worst.slack = std::max(worst.slack, loss.slack);
    if (loss.epsilon > worst.epsilon) worst.epsilon = loss.epsilon, worst.order = loss.order;
  }
  return worst;
}

// A person whose rows at m merchants are in different groups of a banded run is in different blocks
// of rows, which the mixture of L8 does not cover. Its data go at one merchant after the other: m
// epsilon at delta when one of them costs epsilon at delta / (1 + e^epsilon + ... ).
double OneAfterAnother(const RunFacts& facts, const RunNoise& noise, unsigned merchants) {
  double epsilon = 0;
  for (int i = 0; i < 60; ++i) {
    double parts = 0;
    for (unsigned m = 0; m < merchants; ++m) parts += std::exp(m * epsilon);
    const double delta = facts.delta / parts;
    if (!(delta >= 1e-15)) break;  // DP-18: nothing that an accountant would still answer
    const double loss = WorstLoss(facts.accountant, facts, noise, facts.carriers, 1, delta).epsilon;
    if (loss <= epsilon) return merchants * epsilon;
    if (!std::isfinite(loss)) break;
    epsilon = loss * (1 + kSlackMargin);
  }
  return kInfinity;
}

std::vector<Reserve> ReservesOf(const RunFacts& facts, const SumFacts& sum, const SumNoise& noise,
                                std::uint32_t order) {
  std::vector<Reserve> reserves;
  for (const PricedAttempts& part : PricesOf(sum, facts.members, noise, order))
    reserves.push_back(
        {sum.name + std::to_string(reserves.size()), part.per_attempt, part.attempts});
  return reserves;
}

void AddBudgets(const RunFacts& facts, const RunNoise& noise, PrivacyStatement& statement) {
  const auto budget = SmallestBudget(facts.delta, [&](std::uint32_t order) {
    std::vector<Reserve> reserves = ReservesOf(facts, facts.training, noise.training, order);
    if (facts.statistics)
      for (Reserve& more : ReservesOf(facts, *facts.statistics, *noise.statistics, order))
        reserves.push_back(std::move(more));
    return reserves;
  });
  statement.epsilon_filter = budget.ok() ? budget->epsilon : kInfinity;
  statement.filter_order = budget.ok() ? budget->order : 0;
  if (!facts.evaluation) return;
  const auto held_out = SmallestBudget(facts.delta, [&](std::uint32_t order) {
    return ReservesOf(facts, *facts.evaluation, *noise.evaluation, order);
  });
  statement.evaluation_filter = held_out.ok() ? held_out->epsilon : kInfinity;
  statement.evaluation_filter_order = held_out.ok() ? held_out->order : 0;
}

}  // namespace

PrivacyStatement MakeStatement(const RunFacts& facts, const RunNoise& noise) {
  const auto worst = [&](double shares, unsigned merchants = 1, bool customer = false) {
    return WorstLoss(facts.accountant, facts, noise, shares, merchants, facts.delta, customer)
        .epsilon;
  };
  PrivacyStatement statement{};
  const ViewLoss published =
      WorstLoss(facts.accountant, facts, noise, facts.carriers, 1, facts.delta);
  statement.epsilon = published.epsilon;
  statement.order = published.order;
  statement.delta_slack = published.slack;
  statement.delta = facts.delta;
  statement.epsilon_rdp =
      facts.accountant == AccountantKind::kRdp
          ? published.epsilon
          : WorstLoss(AccountantKind::kRdp, facts, noise, facts.carriers, 1, facts.delta).epsilon;
  statement.epsilon_coordinator = statement.epsilon_outsider = worst(facts.min_survivors);
  statement.epsilon_all_others = worst(1);
  for (unsigned merchants : {2u, 3u})
    statement.epsilon_person[merchants - 2] = facts.training.bands > 1
                                                  ? OneAfterAnother(facts, noise, merchants)
                                                  : worst(facts.carriers, merchants, true);
  statement.epsilon_customer =
      facts.training.is_merchant() ? worst(facts.carriers, 1, true) : statement.epsilon;
  if (facts.statistics) {
    ViewedRun alone;
    AddSum(alone, *facts.statistics, facts.members, *noise.statistics, facts.carriers);
    statement.statistics_epsilon = LossOf(facts.accountant, alone, facts.delta).epsilon;
  }
  if (facts.evaluation)
    statement.evaluation_epsilon =
        LossOf(facts.accountant, ViewRun(facts, noise, {facts.carriers, 0, 1}), facts.delta)
            .epsilon;
  AddBudgets(facts, noise, statement);
  return statement;
}

PrivacyStatement NoStatement(double delta) {
  PrivacyStatement none = {kInfinity, kInfinity, kInfinity, kInfinity, {kInfinity, kInfinity},
                           kInfinity, delta,     0,         0,         kInfinity,
                           0,         kInfinity};
  none.epsilon_customer = kInfinity;
  return none;
}

std::vector<double> RdpPerRelease(const SumFacts& sum, const SumNoise& noise) {
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
  if (!std::isfinite(statement.epsilon_customer))
    return InvalidArgument(
        "epsilon is %g of a merchant: a customer moves the sum twice as far, and its slack, which "
        "grows as e^epsilon, leaves no finite epsilon of a customer at delta %g; must be smaller "
        "(DP-20)",
        statement.epsilon, statement.delta);
  return absl::OkStatus();
}

}  // namespace veilsum::dp
