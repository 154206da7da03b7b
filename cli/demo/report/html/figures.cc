#include "cli/demo/report/html/figures.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_format.h"
#include "cli/demo/report/html/parts.h"
#include "cli/demo/report/result_table.h"
#include "cli/demo/report/svg/markup.h"
#include "cli/demo/report/svg/plot.h"

namespace veilsum::cli {
namespace {

constexpr double kTooNoisy = 0.25;  // a private share with a larger error is not drawn

struct Range {
  double lo = INFINITY, hi = -INFINITY;
  void Add(double value) {
    if (std::isfinite(value)) lo = std::min(lo, value), hi = std::max(hi, value);
  }
};

Points CurveOf(const Report& r, std::optional<double> (*value)(const CurvePoint&)) {
  Points points;
  for (const CurvePoint& point : r.curve)
    if (const auto y = value(point)) points.emplace_back(static_cast<double>(point.step), *y);
  return points;
}

std::string CurveSvg(Frame frame, const Points& points, bool from_zero) {
  if (points.empty()) return "<p>No model was scored.</p>";
  Range range;
  for (const auto& point : points) range.Add(point.second);
  LinePlot plot(std::move(frame), Axis::Exactly(0, std::max(1.0, points.back().first), 6),
                Axis(from_zero ? 0 : range.lo, range.hi, 5));
  plot.AddLine(points, "a");
  if (points.size() < 40) plot.AddDots(points, std::vector<double>(points.size(), 2.5), "a");
  return plot.Svg();
}

std::string EpsilonSvg(const Report& r) {
  Points points;
  for (const CurvePoint& point : r.curve)
    if (point.epsilon) points.emplace_back(static_cast<double>(point.round), *point.epsilon);
  if (points.empty()) return "<p>No privacy loss to show: no noise was added.</p>";
  const double top = std::max(points.back().second, r.privacy.epsilon.value_or(0));
  LinePlot plot(
      {.title = "epsilon over rounds", .x_label = "round (attempt)", .y_label = "epsilon"},
      Axis::Exactly(0, std::max(1.0, points.back().first), 6), Axis(0, top, 5));
  if (r.privacy.epsilon)
    plot.AddLine({{0, *r.privacy.epsilon}, {points.back().first, *r.privacy.epsilon}}, "guide");
  plot.AddLine(points, "a");
  return plot.Svg();
}

std::string CalibrationSvg(const Report& r) {
  Points points;
  std::vector<double> radii;
  double most = 1;
  for (const CalibrationPoint& bin : r.quality.calibration)
    most = std::max(most, static_cast<double>(bin.count));
  for (const CalibrationPoint& bin : r.quality.calibration) {
    if (bin.count == 0) continue;
    points.emplace_back(bin.predicted, bin.observed);
    radii.push_back(2.5 + 6 * std::sqrt(static_cast<double>(bin.count) / most));
  }
  if (points.empty()) return "<p>No model was scored.</p>";
  LinePlot plot(
      {.title = "calibration", .x_label = "predicted probability", .y_label = "share that did"},
      Axis(0, 1, 5), Axis(0, 1, 5));
  plot.AddLine({{0, 0}, {1, 1}}, "guide");
  plot.AddLine(points, "a");
  plot.AddDots(points, radii, "a");
  Points noisy;
  std::vector<double> noisy_radii;
  for (const PrivateCalibrationPoint& bin : r.quality.calibration_private) {
    if (bin.error > kTooNoisy) continue;
    noisy.emplace_back(bin.predicted, bin.observed);
    noisy_radii.push_back(3.5);
  }
  plot.AddDots(noisy, noisy_radii, "b");
  return plot.Svg();
}

std::string MerchantSvg(const Report& r) {
  const bool by_value = r.quality.by_value() || r.quality.of_segments();
  Range range;
  range.Add(by_value ? 0 : 0.5);
  std::vector<BarGroup> groups;
  for (const MerchantQuality& m : r.quality.per_merchant) {
    BarGroup group{.label = m.name, .bars = {}};
    if (const auto joint = LeadingOf(m)) group.bars.emplace_back("a", *joint), range.Add(*joint);
    if (const auto alone = AloneOf(m)) group.bars.emplace_back("b", *alone), range.Add(*alone);
    groups.push_back(std::move(group));
  }
  if (groups.empty()) return "<p>No merchant was scored.</p>";
  const std::string name = LeadingName(r.quality);
  return BarPlot(
      {.title = name + " per merchant", .x_label = "hold-out " + name, .y_label = "", .width = 940},
      Axis(range.lo, by_value ? range.hi : std::max(0.8, range.hi), 5), groups);
}

}  // namespace

std::string Figures(const Report& r) {
  const Points loss =
      CurveOf(r, [](const CurvePoint& p) -> std::optional<double> { return p.loss; });
  const Points leading = CurveOf(r, [](const CurvePoint& p) { return LeadingOf(p); });
  const std::string name = "hold-out " + LeadingName(r.quality);
  std::string html = "<div class=\"figures\">\n";
  html += Figure(
      "Training: hold-out loss",
      r.quality.of_segments() ? "half the mean squared distance to the nearest published centre"
      : r.quality.by_value()  ? "the trained loss of the published models, on the label's scale"
                              : "log loss of the published models, natural logarithm",
      CurveSvg({.title = "hold-out loss", .x_label = "step", .y_label = "loss"}, loss, false));
  html += Figure("Training: " + name, "all merchants' hold-outs together",
                 CurveSvg({.title = name, .x_label = "step", .y_label = LeadingName(r.quality)},
                          leading, false));
  html += Figure(
      "Privacy spent",
      "epsilon of statistics and training so far; dashed: the plan's claim at its last attempt",
      EpsilonSvg(r));
  if (!r.quality.calibration.empty())
    html +=
        Figure("Calibration",
               r.quality.calibration_private.empty()
                   ? "predicted probability against what happened; larger dots hold more customers"
                   : "predicted probability against what happened; larger dots hold more "
                     "customers; orange: from private histograms",
               CalibrationSvg(r));
  return html + "</div>\n<div style=\"height:14px\"></div>\n" +
         "<figure><figcaption>Each merchant: the joint model and one trained alone"
         "<small class=\"key\"><i class=\"a\"></i>joint model<i "
         "class=\"b\"></i>alone</small></figcaption>" +
         MerchantSvg(r) + "</figure>\n";
}

}  // namespace veilsum::cli
