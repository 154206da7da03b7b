#include "dp/ledger/budget_filter.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

namespace veilsum::dp {
namespace {

constexpr double kConversionShare = 0.9;  // of delta_G; the rest is slack
// Sums of many charges are rounded; admission forgives that much, relatively, and SmallestBudget
// pays for it.
constexpr double kRounding = 1e-9;

AttemptCharge Plus(AttemptCharge sum, const AttemptCharge& one, double count) {
  sum.rdp += one.rdp * count;
  sum.kl += one.kl * count;
  sum.linear += one.linear * count;
  return sum;
}

// (1 + e^eps_G) (sqrt(K / 2) + L): what the distance to the ideal mechanism costs in delta.
// Divergences add, not their roots.
double Slack(double epsilon, const AttemptCharge& total) {
  return (1 + std::exp(epsilon)) * (std::sqrt(total.kl / 2) + total.linear);
}

double ConversionLoss(double order, double delta) {
  return std::log1p(-1 / order) -
         (std::log(order) + std::log(kConversionShare * delta)) / (order - 1);
}

AttemptCharge TotalOf(const std::vector<Reserve>& reserves) {
  AttemptCharge total;
  for (const Reserve& reserve : reserves)
    total = Plus(total, reserve.per_attempt, static_cast<double>(reserve.attempts));
  return total;
}

void ForEachOrder(const std::function<void(std::uint32_t order)>& consider) {
  for (std::uint32_t order = 2; order <= 64; ++order) consider(order);
  consider(128);
  consider(256);
}

bool IsCharge(double value) { return value >= 0 && std::isfinite(value); }

}  // namespace

double RenyiLimit(const BlockBudget& budget) {
  return budget.epsilon - ConversionLoss(budget.order, budget.delta);
}

absl::StatusOr<BudgetFilter> BudgetFilter::Create(const BlockBudget& budget) {
  if (!(budget.epsilon > 0) || !std::isfinite(budget.epsilon))
    return InvalidArgument("block budget epsilon is %g, must be finite and above 0",
                           budget.epsilon);
  if (!(budget.delta >= 1e-15 && budget.delta < 1))
    return InvalidArgument("block budget delta is %g, must be at least 1e-15 and below 1",
                           budget.delta);
  if (budget.order < 2 || budget.order > kLargestBlockOrder)
    return InvalidArgument("block budget order is %d, must be 2 to %d", budget.order,
                           kLargestBlockOrder);
  return BudgetFilter(budget);
}

absl::Status BudgetFilter::Apply(const BudgetOperation& operation) {
  if (const auto* reserve = std::get_if<Reserve>(&operation)) return Admit(*reserve);
  if (const auto* spend = std::get_if<SpendThrough>(&operation)) return Spend(*spend);
  return Finish(std::get<Close>(operation));
}

absl::StatusOr<BudgetFilter> BudgetFilter::Replay(const BlockBudget& budget,
                                                  std::span<const BudgetOperation> operations) {
  VEILSUM_ASSIGN_OR_RETURN(BudgetFilter filter, Create(budget));
  for (std::size_t i = 0; i < operations.size(); ++i)
    if (const absl::Status status = filter.Apply(operations[i]); !status.ok())
      return Annotate(status, absl::StrFormat("operation %d", i));
  return filter;
}

absl::Status BudgetFilter::Admit(const Reserve& reserve) {
  if (reserve.reservation.empty()) return InvalidArgument("reservation has no name");
  if (reserve.attempts == 0)
    return InvalidArgument("attempts of reservation %s is 0, must be at least 1",
                           reserve.reservation);
  const AttemptCharge& charge = reserve.per_attempt;
  if (!IsCharge(charge.rdp) || !IsCharge(charge.kl) || !IsCharge(charge.linear))
    return InvalidArgument(
        "charge of reservation %s is (%g, %g, %g), must be finite and not negative",
        reserve.reservation, charge.rdp, charge.kl, charge.linear);
  if (entries_.contains(reserve.reservation))
    return AlreadyExists("reservation %s was made before", reserve.reservation);

  const AttemptCharge held = Plus(spent(), reserved(), 1);
  const AttemptCharge total = Plus(held, charge, static_cast<double>(reserve.attempts));
  if (const double limit = RenyiLimit(budget_); total.rdp > limit * (1 + kRounding))
    return ResourceExhausted(
        "reservation %s needs Renyi divergence %g at order %d, block has %g of %g left",
        reserve.reservation, total.rdp - held.rdp, budget_.order, limit - held.rdp, limit);
  const double slack_limit = (1 - kConversionShare) * budget_.delta;
  if (const double slack = Slack(budget_.epsilon, total); slack > slack_limit * (1 + kRounding))
    return ResourceExhausted("reservation %s brings the slack to %g, block allows %g",
                             reserve.reservation, slack, slack_limit);
  entries_.emplace(reserve.reservation, Entry{charge, reserve.attempts});
  return absl::OkStatus();
}

absl::Status BudgetFilter::Spend(const SpendThrough& spend) {
  const auto found = entries_.find(spend.reservation);
  if (found == entries_.end()) return NotFound("no reservation %s", spend.reservation);
  Entry& entry = found->second;
  if (entry.closed) return FailedPrecondition("reservation %s is closed", spend.reservation);
  if (spend.through > entry.attempts)
    return ResourceExhausted("attempt %d of reservation %s is not reserved: it has %d",
                             spend.through, spend.reservation, entry.attempts);
  if (spend.through < entry.spent)
    return InvalidArgument("attempts of reservation %s are spent through %d, cannot return to %d",
                           spend.reservation, entry.spent, spend.through);
  entry.spent = spend.through;
  return absl::OkStatus();
}

absl::Status BudgetFilter::Finish(const Close& close) {
  const auto found = entries_.find(close.reservation);
  if (found == entries_.end()) return NotFound("no reservation %s", close.reservation);
  if (found->second.closed)
    return FailedPrecondition("reservation %s is closed", close.reservation);
  found->second.closed = true;
  return absl::OkStatus();
}

AttemptCharge BudgetFilter::spent() const {
  AttemptCharge sum;
  for (const auto& [name, entry] : entries_)
    sum = Plus(sum, entry.per_attempt, static_cast<double>(entry.spent));
  return sum;
}

AttemptCharge BudgetFilter::reserved() const {
  AttemptCharge sum;
  for (const auto& [name, entry] : entries_)
    if (!entry.closed)
      sum = Plus(sum, entry.per_attempt, static_cast<double>(entry.attempts - entry.spent));
  return sum;
}

double BudgetFilter::EpsilonSpent() const {
  const double rdp = spent().rdp;
  return rdp > 0 ? std::max(0.0, rdp + ConversionLoss(budget_.order, budget_.delta)) : 0;
}

absl::StatusOr<std::uint32_t> OrderForRuns(
    double epsilon, double delta,
    const std::function<std::vector<Reserve>(std::uint32_t order)>& charges) {
  VEILSUM_RETURN_IF_ERROR(BudgetFilter::Create({epsilon, delta, 2}).status());
  std::uint32_t best = 0;
  double best_runs = 1;
  double distance = std::numeric_limits<double>::infinity();  // the least: of it e^eps is slack
  ForEachOrder([&](std::uint32_t order) {
    const AttemptCharge run = TotalOf(charges(order));
    distance = std::min(distance, Slack(0, run) / 2);
    if (Slack(epsilon, run) > (1 - kConversionShare) * delta) return;
    const double runs = RenyiLimit({epsilon, delta, order}) * (1 + kRounding) / run.rdp;
    if (runs >= best_runs) {
      best_runs = runs;
      best = order;
    }
  });
  if (const double most = std::log((1 - kConversionShare) * delta / distance); epsilon > most)
    return ResourceExhausted(
        "a block of epsilon %g at delta %g cannot hold this run: its slack grows as e^epsilon and "
        "is within a tenth of delta up to epsilon %.4g",
        epsilon, delta, std::max(0.0, most));
  if (best == 0)
    return ResourceExhausted("a block of epsilon %g at delta %g cannot hold this run at any order",
                             epsilon, delta);
  return best;
}

absl::StatusOr<BlockBudget> SmallestBudget(
    double delta, const std::function<std::vector<Reserve>(std::uint32_t order)>& charges) {
  std::optional<BlockBudget> best;
  ForEachOrder([&](std::uint32_t order) {
    const AttemptCharge total = TotalOf(charges(order));
    // Divergences below what this order can convert leave any positive epsilon.
    const double epsilon =
        std::max(1e-6, total.rdp + ConversionLoss(order, delta)) * (1 + kRounding);
    if (!std::isfinite(epsilon) || Slack(epsilon, total) > (1 - kConversionShare) * delta) return;
    if (!best || epsilon < best->epsilon) best = BlockBudget{epsilon, delta, order};
  });
  if (!best)
    return ResourceExhausted(
        "no block budget at delta %g admits these reservations: slack exceeds a tenth of delta",
        delta);
  return *best;
}

}  // namespace veilsum::dp
