#include "dp/mechanism/selected_run.h"

#include <algorithm>
#include <cmath>

#include "dp/analysis/rdp.h"
#include "dp/mechanism/run_facts.h"
#include "dp/mechanism/run_loss.h"

namespace veilsum::dp {
namespace {

// A run as somebody sees it to whom `shares` of its merchants are noise: first what is of customers
// that train, then what is of those held out.
using Views = std::array<ViewedRun, 2>;

absl::StatusOr<std::vector<Views>> ViewsOf(std::span<const VerifiedRun> runs, bool outsider) {
  if (runs.empty()) return InvalidArgument("a selection needs at least one run");
  std::vector<Views> views;
  for (const VerifiedRun& run : runs) {
    VEILSUM_ASSIGN_OR_RETURN(const RunFacts facts, FactsOf(run.input));
    if (run.input.delta != runs.front().input.delta)
      return InvalidArgument("runs have delta %g and %g, must have one", runs.front().input.delta,
                             run.input.delta);
    if (!(run.noise.training.noise_sigma > 0))
      return InvalidArgument("a run without noise has no epsilon (SE-12)");
    const double shares = outsider ? facts.min_survivors : facts.carriers;
    Views of_run = {ViewRun(facts, run.noise, {.shares = shares, .customer = true}), {}};
    if (facts.evaluation)
      of_run[1] = ViewRun(facts, run.noise, {.shares = shares, .merchants = 0, .held_out = 1});
    views.push_back(std::move(of_run));
  }
  return views;
}

// K runs of the worst candidate each. A run differs from its ideal by at most its distance, so all
// of them by at most E[K] times that.
double LossOfSelection(const std::vector<ViewedRun>& candidates, const RepeatRule& rule,
                       double delta) {
  Selection selection{candidates.front().schedule, rule};
  double distance = 0, overflow = 0;
  for (const ViewedRun& run : candidates) {
    if (&run != &candidates.front()) selection.others.push_back(run.schedule);
    distance = std::max(distance, std::sqrt(run.distance.kl / 2) + run.distance.linear);
    overflow = std::max(overflow, run.overflow);
  }
  const SelectionRdp rdp(selection);
  const double runs = ExpectedRuns(rule);
  double epsilon = 0;
  for (int i = 0; i < 60; ++i) {
    const double slack = runs * ((1 + std::exp(epsilon)) * distance + overflow);
    if (!(slack < delta / 2)) break;
    const double next = EpsilonOfCurve([&](double order) { return rdp.AtOrder(order); },
                                       delta - slack, DefaultOrders(), Refine::kBetweenNeighbours)
                            .epsilon;
    if (next <= epsilon) return epsilon;
    epsilon = next * (1 + 1e-9);
  }
  return kInfinity;
}

}  // namespace

absl::StatusOr<double> EpsilonOfSelection(std::span<const VerifiedRun> candidates,
                                          const RepeatRule& rule) {
  VEILSUM_RETURN_IF_ERROR(ValidateRepeatRule(rule));
  VEILSUM_ASSIGN_OR_RETURN(const std::vector<Views> views, ViewsOf(candidates, true));
  double worst = 0;
  for (const std::size_t part : {0, 1}) {
    std::vector<ViewedRun> seen;
    for (const Views& run : views)
      if (!run[part].schedule.empty()) seen.push_back(run[part]);
    if (!seen.empty())
      worst = std::max(worst, LossOfSelection(seen, rule, candidates.front().input.delta));
  }
  return worst;
}

absl::StatusOr<double> EpsilonOfRuns(std::span<const VerifiedRun> runs) {
  VEILSUM_ASSIGN_OR_RETURN(const std::vector<Views> views, ViewsOf(runs, false));
  double worst = 0;
  for (const std::size_t part : {0, 1}) {
    ViewedRun all;
    for (const Views& run : views) {
      all.schedule.insert(all.schedule.end(), run[part].schedule.begin(), run[part].schedule.end());
      all.distance.kl += run[part].distance.kl;
      all.distance.linear += run[part].distance.linear;
      all.overflow += run[part].overflow;
    }
    if (!all.schedule.empty())
      worst = std::max(worst, LossOf(AccountantKind::kRdp, all, runs.front().input.delta).epsilon);
  }
  return worst;
}

}  // namespace veilsum::dp
