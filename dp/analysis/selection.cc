#include "dp/analysis/selection.h"

#include <algorithm>
#include <cmath>

#include "dp/analysis/log_choose.h"
#include "dp/analysis/rdp.h"

namespace veilsum::dp {
namespace {

std::vector<PrivacySchedule> RunsOf(const Selection& selection) {
  std::vector<PrivacySchedule> runs = {selection.run};
  runs.insert(runs.end(), selection.others.begin(), selection.others.end());
  return runs;
}

}  // namespace

absl::Status ValidateRepeatRule(const RepeatRule& rule) {
  if (!(rule.eta > -1 && rule.eta <= 16))
    return InvalidArgument("eta is %g, must be above -1 and at most 16", rule.eta);
  if (!(rule.gamma >= 1e-9 && rule.gamma < 1))
    return InvalidArgument("gamma is %g, must be at least 1e-9 and below 1", rule.gamma);
  return absl::OkStatus();
}

double ExpectedRuns(const RepeatRule& rule) {
  const double odds = (1 - rule.gamma) / rule.gamma, log_gamma = std::log(rule.gamma);
  // eta / (1 - gamma^eta), which tends to -1 / ln gamma where eta tends to 0.
  const double x = rule.eta * log_gamma;
  return std::abs(x) < 1e-12 ? odds / -log_gamma : odds * rule.eta / -std::expm1(x);
}

double ProbabilityOfRuns(const RepeatRule& rule, std::uint64_t runs) {
  if (runs == 0) return 0;
  const double k = static_cast<double>(runs);
  // P[K = 1] = eta (1 - gamma) / (gamma^-eta - 1).
  const double log_gamma = std::log(rule.gamma), x = rule.eta * log_gamma;
  const double first = std::abs(x) < 1e-12 ? (1 - rule.gamma) / -log_gamma
                                           : (1 - rule.gamma) * rule.eta / std::expm1(-x);
  const double log_product =
      LogFactorial(k - 1 + rule.eta) - LogFactorial(rule.eta) - LogFactorial(k);
  return first * std::exp((k - 1) * std::log1p(-rule.gamma) + log_product);
}

absl::Status ValidateSelection(const Selection& selection) {
  VEILSUM_RETURN_IF_ERROR(ValidateRepeatRule(selection.rule));
  for (const PrivacySchedule& run : RunsOf(selection)) {
    if (run.empty()) return InvalidArgument("a selection runs nothing: needs events");
    for (const PrivacyEvent& event : run) VEILSUM_RETURN_IF_ERROR(ValidateEvent(event));
  }
  return absl::OkStatus();
}

SelectionRdp::SelectionRdp(const Selection& selection)
    : runs_(RunsOf(selection)),
      integer_(std::ranges::any_of(runs_, &NeedsIntegerOrders)),
      log_runs_(std::log(ExpectedRuns(selection.rule))) {
  const double log_inverse = -std::log(selection.rule.gamma);
  double least = log_inverse;  // b = 1
  // (b - 1) epsilon(b) + ln(1/gamma) is convex in b, so that this over b has one minimum; all
  // orders are few enough to try.
  for (const double b : integer_ ? IntegerOrders() : DefaultOrders())
    least = std::min(least, (1 - 1 / b) * RunAtOrder(b) + log_inverse / b);
  constant_ = (1 + selection.rule.eta) * least;
}

double SelectionRdp::AtOrder(double order) const {
  return RunAtOrder(order) + constant_ + log_runs_ / (order - 1);
}

double SelectionRdp::RunAtOrder(double order) const {
  double worst = 0;
  for (const PrivacySchedule& run : runs_) worst = std::max(worst, RdpAtOrder(run, order));
  return worst;
}

}  // namespace veilsum::dp
