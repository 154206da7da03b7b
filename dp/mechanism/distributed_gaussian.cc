#include "dp/mechanism/distributed_gaussian.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <string>

#include "dp/analysis/calibrate.h"
#include "dp/analysis/rdp.h"
#include "dp/ledger/budget_filter.h"
#include "dp/padding.h"
#include "dp/sampler/discrete_gaussian.h"

namespace veilsum::dp {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
// Per coordinate, KL(N_Z(S^2) || round(N(0, S^2 - 1/12))) <= 1.5e-6 / S^8 for S >= 1 (review of
// lemma L5, measured to 60 digits).
constexpr double kKlConstant = 1.5e-6;
constexpr double kRoundingVariance = 1.0 / 12;
constexpr double kMostSlackShare = 0.01;  // of delta; a plan that needs more is refused (DP-18)
constexpr double kNoiseTail =
    10;  // standard deviations of the sum's noise that must fit the ring: probability 1.6e-23
constexpr double kRounding =
    1e-9;  // relative error forgiven to numbers that travelled as decimal strings

// Beyond it a claim says nothing, and a grid of losses would be long: Renyi's bound stands.
constexpr double kMostNumericalEpsilon = 100;
constexpr double kSlackMargin = 1e-3;  // of epsilon, for which slack is provided

// A sum's facts without its noise; statistics and training differ only in these.
struct SumFacts {
  std::string name;
  double sampling_rate;
  std::uint64_t attempts;
  double dimension;
  double sensitivity;
  double overflow;  // added to delta once per run
  double users_in_round;
  double largest_entry;  // of one customer's contribution, grid units
  int ring_bits;
};

struct RunFacts {
  SumFacts training;
  std::optional<SumFacts> statistics;
  double members;
  double min_survivors;
  double carriers;  // H_min
  double delta;
  AccountantKind accountant;
};

absl::Status ValidateCohort(const CohortSpec& cohort) {
  if (cohort.min_survivors == 0 || cohort.min_survivors > cohort.members)
    return InvalidArgument("min_survivors is %d, must be from 1 to members = %d (DP-03)",
                           cohort.min_survivors, cohort.members);
  if (cohort.colluders >= cohort.min_survivors)
    return InvalidArgument("colluders is %d, must be below min_survivors = %d (DP-03)",
                           cohort.colluders, cohort.min_survivors);
  return absl::OkStatus();
}

absl::Status ValidateRing(std::string_view name, int ring_bits, std::uint64_t attempts) {
  if (ring_bits < 8 || ring_bits > 64)
    return InvalidArgument("%s ring_bits is %d, must be from 8 to 64 (DP-10)", name, ring_bits);
  if (attempts == 0) return InvalidArgument("%s attempts_max is 0, must be at least 1", name);
  return absl::OkStatus();
}

double UsersInRound(std::uint64_t given, std::uint32_t members, std::uint64_t users) {
  return given != 0 ? static_cast<double>(given)
                    : static_cast<double>(members) * static_cast<double>(users);
}

absl::StatusOr<SumFacts> FactsOf(const TrainingSumSpec& spec, std::uint32_t members) {
  VEILSUM_RETURN_IF_ERROR(ValidateRing("training", spec.ring_bits, spec.attempts_max));
  VEILSUM_ASSIGN_OR_RETURN(const SamplingRate rate, SamplingRate::Create(spec.sampling_rate));
  VEILSUM_ASSIGN_OR_RETURN(const double sensitivity, TrainingSensitivity(spec.grid));
  return SumFacts{"training",
                  rate.value(),
                  spec.attempts_max,
                  static_cast<double>(spec.grid.dimension),
                  sensitivity,
                  kOverflowPerRun,
                  UsersInRound(spec.users_in_round_max, members, spec.grid.users_per_sum),
                  std::ldexp(spec.grid.clip_norm, spec.grid.scale_log2),
                  spec.ring_bits};
}

absl::StatusOr<SumFacts> FactsOf(const StatisticsSumSpec& spec, std::uint32_t members) {
  VEILSUM_RETURN_IF_ERROR(ValidateRing("statistics", spec.ring_bits, spec.attempts_max));
  VEILSUM_ASSIGN_OR_RETURN(const double sensitivity, StatisticsSensitivity(spec.grid));
  return SumFacts{"statistics",
                  1.0,
                  spec.attempts_max,
                  static_cast<double>(StatisticsDimension(spec.grid)),
                  sensitivity,
                  0.0,
                  UsersInRound(spec.users_in_round_max, members, spec.grid.users),
                  std::ldexp(1.0, spec.grid.scale_log2),
                  spec.ring_bits};
}

absl::StatusOr<RunFacts> FactsOf(const RunPrivacyInput& input) {
  if (!(input.epsilon > 0)) return InvalidArgument("epsilon is %g, must be above 0", input.epsilon);
  VEILSUM_ASSIGN_OR_RETURN(const Delta delta, Delta::Create(input.delta));
  VEILSUM_RETURN_IF_ERROR(ValidateCohort(input.cohort));
  RunFacts facts;
  VEILSUM_ASSIGN_OR_RETURN(facts.training, FactsOf(input.training, input.cohort.members));
  if (input.statistics) {
    if (!(input.statistics_share > 0 && input.statistics_share < 1))
      return InvalidArgument("statistics_share is %g, must be above 0 and below 1",
                             input.statistics_share);
    VEILSUM_ASSIGN_OR_RETURN(facts.statistics, FactsOf(*input.statistics, input.cohort.members));
  }
  facts.members = input.cohort.members;
  facts.min_survivors = input.cohort.min_survivors;
  facts.carriers = input.cohort.min_survivors - input.cohort.colluders;
  facts.delta = delta.value();
  facts.accountant = input.accountant;
  return facts;
}

// The centred sum of the customers' contributions, rounding and noise must fit ring_bits, or
// results would wrap (privacy would not suffer).
absl::Status CheckRing(const SumFacts& sum, double members, const SumNoise& noise) {
  const double signal = sum.users_in_round * sum.largest_entry + members;
  const double tail = kNoiseTail * std::sqrt(members) * noise.share_sigma;
  const double limit = std::ldexp(1.0, sum.ring_bits - 1);
  if (signal + tail >= limit)
    return InvalidArgument(
        "%s sum needs %g for %g customers at %g each and %g for noise, but ring_bits = %d holds "
        "%g: lower scale_log2 by %d (DP-10)",
        sum.name, signal, sum.users_in_round, sum.largest_entry, tail, sum.ring_bits, limit,
        static_cast<int>(std::ceil(std::log2((signal + tail) / limit) + 1e-6)));
  return absl::OkStatus();
}

// S*^2 = (z D2)^2 + 1/12, so that the multiplier of the ideal, rounded Gaussian is z exactly
// (DP-03).
SumNoise NoiseAt(const SumFacts& sum, double carriers, double noise_multiplier) {
  const double scaled = noise_multiplier * sum.sensitivity;
  const double sigma = std::sqrt(scaled * scaled + kRoundingVariance);
  return {sum.sensitivity, noise_multiplier, sigma, sigma / std::sqrt(carriers)};
}

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

// What an adversary sees: some number of honest shares, one customer's data at some number of
// merchants.
struct View {
  double shares;
  unsigned merchants = 1;
};

// A view of a run as an accountant sees it: ideal Gaussian events, and the distance to the ideal.
struct ViewedRun {
  PrivacySchedule schedule;
  AttemptCharge distance;  // kl and linear, over the run
  double overflow = 0;     // plain addition to delta
};

void AddSum(ViewedRun& run, const SumFacts& sum, double members, const SumNoise& noise,
            const View& view) {
  const double sigma = noise.share_sigma * std::sqrt(view.shares);
  const double ideal = std::sqrt(std::max(0.0, sigma * sigma - kRoundingVariance));
  const double attempts = static_cast<double>(sum.attempts);
  // DP-16: each merchant samples on its own; k of them move the sum by at most k D2 (lemma L8).
  run.schedule.push_back({sum.sampling_rate, ideal / sum.sensitivity, sum.attempts,
                          NoiseKind::kGaussian, view.merchants});
  const AttemptCharge distance = DistanceOfAttempt(sum, members, noise, sigma);
  run.distance.kl += attempts * distance.kl;
  run.distance.linear += attempts * distance.linear;
  run.overflow += view.merchants * sum.overflow;
}

double SlackAt(const ViewedRun& run, double epsilon) {
  return (1 + std::exp(epsilon)) * (std::sqrt(run.distance.kl / 2) + run.distance.linear) +
         run.overflow;
}

struct ViewLoss {
  double epsilon = kInfinity;
  double order = 0;
  double slack = kInfinity;
};

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

ViewLoss LossOf(AccountantKind kind, const ViewedRun& run, double delta) {
  return kind == AccountantKind::kRdp ? RenyiLossOf(run, delta) : NumericalLossOf(kind, run, delta);
}

// The least noise whose loss by the run's accountant is at most `epsilon`.
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

using RunNoise = ClaimedNoise;

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
    return LossOf(facts.accountant, ViewRun(facts, noise, view), facts.delta);
  };
  PrivacyStatement statement{};
  const ViewLoss published = loss({facts.carriers});
  statement.epsilon = published.epsilon;
  statement.order = published.order;
  statement.delta_slack = published.slack;
  statement.delta = facts.delta;
  statement.epsilon_rdp =
      facts.accountant == AccountantKind::kRdp
          ? published.epsilon
          : RenyiLossOf(ViewRun(facts, noise, {facts.carriers}), facts.delta).epsilon;
  statement.epsilon_coordinator = statement.epsilon_outsider = loss({facts.min_survivors}).epsilon;
  statement.epsilon_all_others = loss({1}).epsilon;
  for (unsigned merchants : {2u, 3u})
    statement.epsilon_person[merchants - 2] = loss({facts.carriers, merchants}).epsilon;
  if (facts.statistics) {
    ViewedRun alone;
    AddSum(alone, *facts.statistics, facts.members, *noise.statistics, {facts.carriers});
    statement.statistics_epsilon = LossOf(facts.accountant, alone, facts.delta).epsilon;
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
  return {kInfinity, kInfinity, kInfinity, kInfinity, {kInfinity, kInfinity}, kInfinity, delta, 0,
          0,         kInfinity, 0,         kInfinity};
}

absl::Status CheckRings(const RunFacts& facts, const RunNoise& noise) {
  VEILSUM_RETURN_IF_ERROR(CheckRing(facts.training, facts.members, noise.training));
  if (facts.statistics)
    VEILSUM_RETURN_IF_ERROR(CheckRing(*facts.statistics, facts.members, *noise.statistics));
  return absl::OkStatus();
}

absl::Status CheckSlack(const PrivacyStatement& statement) {
  if (statement.delta_slack > kMostSlackShare * statement.delta)
    return InvalidArgument(
        "delta slack of integer noise, sampler and padding is %g, must be at most delta / 100 = %g "
        "(DP-18)",
        statement.delta_slack, kMostSlackShare * statement.delta);
  return absl::OkStatus();
}

RunPrivacy WithoutPrivacy(const RunFacts& facts) {
  RunPrivacy run{
      false, {facts.training.sensitivity, 0, 0, 0}, std::nullopt, NoStatement(facts.delta)};
  if (facts.statistics) run.statistics = SumNoise{facts.statistics->sensitivity, 0, 0, 0};
  return run;
}

absl::StatusOr<SumNoise> CalibrateStatistics(const RunFacts& facts, double epsilon) {
  const SumFacts& sum = *facts.statistics;
  VEILSUM_ASSIGN_OR_RETURN(
      const Calibration calibration, LeastNoiseOf(facts, epsilon, [&](double noise_multiplier) {
        ViewedRun alone;
        AddSum(alone, sum, facts.members, NoiseAt(sum, facts.carriers, noise_multiplier),
               {facts.carriers});
        return alone;
      }));
  return NoiseAt(sum, facts.carriers, calibration.noise_multiplier);
}

absl::StatusOr<RunNoise> CalibrateNoise(const RunFacts& facts, const RunPrivacyInput& input) {
  RunNoise noise{};
  if (facts.statistics) {
    absl::StatusOr<SumNoise> statistics =
        CalibrateStatistics(facts, input.statistics_share * input.epsilon);
    if (!statistics.ok()) return Annotate(statistics.status(), "statistics");
    noise.statistics = *statistics;
  }
  VEILSUM_ASSIGN_OR_RETURN(const Calibration calibration,
                           LeastNoiseOf(facts, input.epsilon, [&](double noise_multiplier) {
                             noise.training =
                                 NoiseAt(facts.training, facts.carriers, noise_multiplier);
                             return ViewRun(facts, noise, {facts.carriers});
                           }));
  noise.training = NoiseAt(facts.training, facts.carriers, calibration.noise_multiplier);
  return noise;
}

// One sum's claimed numbers against its shape. Gives the noise that may be relied upon: never more
// than any of the numbers says.
absl::StatusOr<SumNoise> VerifySum(const SumFacts& sum, double carriers, const SumNoise& claimed) {
  for (const double value :
       {claimed.sensitivity, claimed.noise_multiplier, claimed.noise_sigma, claimed.share_sigma})
    if (!(value > 0) || !std::isfinite(value))
      return PermissionDenied("%s noise holds the number %g, every one must be finite and above 0",
                              sum.name, value);
  VEILSUM_RETURN_IF_ERROR(ChooseSamplerShape(claimed.share_sigma).status());
  if (claimed.sensitivity < sum.sensitivity * (1 - kRounding))
    return PermissionDenied("%s sensitivity is %.17g, must be at least %.17g (DP-02)", sum.name,
                            claimed.sensitivity, sum.sensitivity);
  const double carried = claimed.share_sigma * std::sqrt(carriers);
  if (carried < claimed.noise_sigma * (1 - kRounding))
    return PermissionDenied(
        "%s share_sigma is %.17g: %g shares carry %.17g, less than noise_sigma %.17g (DP-03)",
        sum.name, claimed.share_sigma, carriers, carried, claimed.noise_sigma);
  const double sigma = std::min(carried, claimed.noise_sigma);
  const double multiplier =
      std::sqrt(std::max(0.0, sigma * sigma - kRoundingVariance)) / sum.sensitivity;
  if (claimed.noise_multiplier > multiplier * (1 + kRounding))
    return PermissionDenied("%s noise_multiplier is %.17g, noise_sigma supports %.17g (DP-03)",
                            sum.name, claimed.noise_multiplier, multiplier);
  if (claimed.noise_multiplier < multiplier * (1 - kRounding))
    return PermissionDenied(
        "%s noise_multiplier is %.17g, less than the %.17g that noise_sigma gives (DP-03)",
        sum.name, claimed.noise_multiplier, multiplier);
  return SumNoise{sum.sensitivity, multiplier, sigma, sigma / std::sqrt(carriers)};
}

bool IsZero(const SumNoise& noise) {
  return noise.noise_multiplier == 0 && noise.noise_sigma == 0 && noise.share_sigma == 0;
}

// The schedule's cost of one attempt at each default order.
std::vector<double> RdpPerAttempt(const SumFacts& sum, const SumNoise& noise) {
  std::vector<double> out;
  for (const double order : DefaultOrders())
    out.push_back(RdpAtOrder(sum.sampling_rate, noise.noise_multiplier, order));
  return out;
}

}  // namespace

absl::StatusOr<RunPrivacy> CalibrateRun(const RunPrivacyInput& input) {
  VEILSUM_ASSIGN_OR_RETURN(const RunFacts facts, FactsOf(input));
  if (input.epsilon == kInfinity) {
    RunPrivacy run = WithoutPrivacy(facts);
    VEILSUM_RETURN_IF_ERROR(CheckRings(facts, {run.training, run.statistics}));
    return run;
  }
  VEILSUM_ASSIGN_OR_RETURN(const RunNoise noise, CalibrateNoise(facts, input));
  VEILSUM_RETURN_IF_ERROR(CheckRings(facts, noise));
  const RunPrivacy run{true, noise.training, noise.statistics, MakeStatement(facts, noise)};
  VEILSUM_RETURN_IF_ERROR(CheckSlack(run.statement));
  return run;
}

absl::StatusOr<PrivacyStatement> VerifyRun(const RunPrivacyInput& input,
                                           const ClaimedNoise& claimed) {
  VEILSUM_ASSIGN_OR_RETURN(const RunFacts facts, FactsOf(input));
  if (facts.statistics.has_value() != claimed.statistics.has_value())
    return PermissionDenied("noise of statistics is %s",
                            claimed.statistics ? "given for a run without statistics" : "missing");
  if (input.epsilon == kInfinity) {
    if (!IsZero(claimed.training) || (claimed.statistics && !IsZero(*claimed.statistics)))
      return PermissionDenied("a run without privacy claims noise (SE-12)");
    VEILSUM_RETURN_IF_ERROR(CheckRings(facts, claimed));
    return NoStatement(facts.delta);
  }
  RunNoise noise{};
  VEILSUM_ASSIGN_OR_RETURN(noise.training,
                           VerifySum(facts.training, facts.carriers, claimed.training));
  if (facts.statistics) {
    VEILSUM_ASSIGN_OR_RETURN(noise.statistics,
                             VerifySum(*facts.statistics, facts.carriers, *claimed.statistics));
  }
  VEILSUM_RETURN_IF_ERROR(CheckRings(facts, claimed));
  const PrivacyStatement statement = MakeStatement(facts, noise);
  if (!(statement.epsilon <= input.epsilon * (1 + kRounding)))
    return PermissionDenied("the noise gives epsilon %.9g at delta %g, the claim is %.9g",
                            statement.epsilon, input.delta, input.epsilon);
  VEILSUM_RETURN_IF_ERROR(CheckSlack(statement));
  return statement;
}

absl::StatusOr<EpsilonMeter> EpsilonMeter::Create(const RunPrivacyInput& input,
                                                  const RunPrivacy& privacy) {
  VEILSUM_ASSIGN_OR_RETURN(const RunFacts facts, FactsOf(input));
  if (facts.statistics.has_value() != privacy.statistics.has_value())
    return InvalidArgument("statistics are in the plan or in its privacy, but not in both");
  EpsilonMeter meter;
  meter.is_private_ = privacy.is_private;
  if (!privacy.is_private) return meter;
  meter.delta_ = facts.delta - privacy.statement.delta_slack;
  meter.claim_ = privacy.statement.epsilon;
  meter.training_rdp_ = RdpPerAttempt(facts.training, privacy.training);
  if (facts.statistics)
    meter.statistics_rdp_ = RdpPerAttempt(*facts.statistics, *privacy.statistics);
  return meter;
}

double EpsilonMeter::After(std::uint64_t statistics_attempts,
                           std::uint64_t training_attempts) const {
  if (!is_private_) return kInfinity;
  if (statistics_attempts == 0 && training_attempts == 0) return 0;
  double best = claim_;
  const std::span<const double> orders = DefaultOrders();
  for (std::size_t i = 0; i < orders.size(); ++i) {
    double rdp = static_cast<double>(training_attempts) * training_rdp_[i];
    if (!statistics_rdp_.empty())
      rdp += static_cast<double>(statistics_attempts) * statistics_rdp_[i];
    best = std::min(best, EpsilonAtOrder(orders[i], rdp, delta_));
  }
  return best;
}

AttemptCharge ChargeOfTrainingAttempt(const RunPrivacyInput& input, const SumNoise& noise,
                                      std::uint32_t order) {
  const absl::StatusOr<SumFacts> facts = FactsOf(input.training, input.cohort.members);
  VEILSUM_CHECK(facts.ok());  // the input was calibrated or verified before
  return Charge(*facts, input.cohort.members, noise, order);
}

AttemptCharge ChargeOfStatisticsAttempt(const RunPrivacyInput& input, const SumNoise& noise,
                                        std::uint32_t order) {
  VEILSUM_CHECK(input.statistics.has_value());
  const absl::StatusOr<SumFacts> facts = FactsOf(*input.statistics, input.cohort.members);
  VEILSUM_CHECK(facts.ok());
  return Charge(*facts, input.cohort.members, noise, order);
}

}  // namespace veilsum::dp
