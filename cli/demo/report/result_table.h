// The result of a demo as a table of text for a terminal: what `veilsum demo` prints without
// --json.
#pragma once

#include <string>

#include "cli/demo/report/report.h"

namespace veilsum::cli {

std::string ResultTable(const Report& report);

// Values as both reports show them: "-" when there is none.
std::string Shown(const std::optional<double>& value, int digits);
// 1234567 -> "1.2 MB" (powers of 1000).
std::string ShownBytes(const std::optional<std::uint64_t>& bytes);
// What the joint model and merchants alone are compared by: ROC-AUC, RMSE of regression, or the
// mean squared distance of segments.
std::string LeadingName(const QualityFacts& quality);
template <class Q>  // QualityFacts or MerchantQuality
std::optional<double> LeadingOf(const Q& quality) {
  if (quality.segments) return quality.segments->mean_squared_distance;
  return quality.rmse ? quality.rmse : quality.roc_auc;
}
inline std::optional<double> LeadingOf(const CurvePoint& point) {
  if (point.mean_squared_distance) return point.mean_squared_distance;
  return point.rmse ? point.rmse : point.roc_auc;
}
template <class Q>  // QualityFacts or MerchantQuality
std::optional<double> AloneOf(const Q& quality) {
  if (quality.segments) return quality.segments->local_only_mean_squared_distance;
  return quality.local_only_rmse ? quality.local_only_rmse : quality.local_only_roc_auc;
}
// "3 (delta 1e-05)", or "none: no noise was added".
std::string ShownEpsilon(const PrivacyFacts& privacy);
// "0.7512 (0.718 to 0.784)".
std::string ShownPrivateAuc(const QualityFacts& quality);
// The same of another figure.
std::string ShownFigure(const std::optional<PrivateFigure>& figure);
// What is not plain DP-SGD of all together: ", 4 bands", ", local mode with 10 steps a round"; or
// nothing.
std::string ShownMechanism(const PrivacyFacts& privacy);
// "12.5 %, 30.1 %, ...": the shares that the model states of its segments.
std::string ShownShares(const QualityFacts& quality);
// Two models' private ROC-AUC on the same hold-outs that differ by less may differ by noise alone:
// two standard deviations of a difference (SE-11).
std::optional<double> SmallestDifference(const QualityFacts& quality);

}  // namespace veilsum::cli
