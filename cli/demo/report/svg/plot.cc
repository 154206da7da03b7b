#include "cli/demo/report/svg/plot.h"

#include <algorithm>

#include "absl/strings/str_format.h"
#include "cli/demo/report/svg/markup.h"

namespace veilsum::cli {

const std::string_view kPlotStyle = R"css(
svg.plot { width: 100%; height: auto; display: block; font: 12px system-ui, sans-serif; }
svg.plot text { fill: #445; }
svg.plot .label { fill: #223; font-weight: 600; }
svg.plot .grid { stroke: #e4e7ee; stroke-width: 1; }
svg.plot .axis { stroke: #8a93a6; stroke-width: 1; }
svg.plot polyline { fill: none; stroke-width: 2.2; stroke-linejoin: round; stroke-linecap: round; }
svg.plot polyline.a { stroke: #1f5fbf; } svg.plot polyline.b { stroke: #c8611a; }
svg.plot polyline.guide { stroke: #9aa3b5; stroke-width: 1.2; stroke-dasharray: 5 4; }
svg.plot circle.a, svg.plot rect.a { fill: #1f5fbf; } svg.plot circle.b, svg.plot rect.b { fill: #e0a06f; }
svg.plot circle.a { fill-opacity: .85; }
)css";

namespace {

constexpr double kLeft = 58, kRight = 14, kTop = 12, kBottom = 44;

std::string Open(const Frame& frame) {
  return absl::StrFormat(
      "<svg class=\"plot\" xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" role=\"img\">"
      "<title>%s</title>",
      frame.width, frame.height, Escaped(frame.title));
}

std::string Line(std::string_view style, double x1, double y1, double x2, double y2) {
  return absl::StrFormat("<line class=\"%s\" x1=\"%s\" y1=\"%s\" x2=\"%s\" y2=\"%s\"/>", style,
                         Plain(x1), Plain(y1), Plain(x2), Plain(y2));
}

std::string Text(double x, double y, std::string_view anchor, std::string_view text,
                 std::string_view extra = "") {
  return absl::StrFormat("<text x=\"%s\" y=\"%s\" text-anchor=\"%s\"%s>%s</text>", Plain(x),
                         Plain(y), anchor, extra, Escaped(text));
}

}  // namespace

std::pair<double, double> LinePlot::Pixel(double x, double y) const {
  return {kLeft + x_.Place(x) * (frame_.width - kLeft - kRight),
          frame_.height - kBottom - y_.Place(y) * (frame_.height - kTop - kBottom)};
}

void LinePlot::AddLine(const Points& points, std::string_view style) {
  if (points.empty()) return;
  body_ += absl::StrFormat("<polyline class=\"%s\" points=\"", style);
  for (const auto& [x, y] : points) {
    const auto [px, py] = Pixel(x, y);
    body_ += Plain(px) + "," + Plain(py) + " ";
  }
  body_.back() = '"';
  body_ += "/>";
}

void LinePlot::AddDots(const Points& points, const std::vector<double>& radii,
                       std::string_view style) {
  for (std::size_t i = 0; i < points.size(); ++i) {
    const auto [x, y] = Pixel(points[i].first, points[i].second);
    body_ += absl::StrFormat("<circle class=\"%s\" cx=\"%s\" cy=\"%s\" r=\"%s\"/>", style, Plain(x),
                             Plain(y), Plain(i < radii.size() ? radii[i] : 3));
  }
}

std::string LinePlot::Svg() const {
  const double right = frame_.width - kRight, bottom = frame_.height - kBottom;
  std::string svg = Open(frame_);
  for (const double tick : y_.Ticks()) {
    const double y = Pixel(x_.lo(), tick).second;
    svg += Line("grid", kLeft, y, right, y) + Text(kLeft - 7, y + 4, "end", y_.Label(tick));
  }
  for (const double tick : x_.Ticks()) {
    const double x = Pixel(tick, y_.lo()).first;
    svg += Line("axis", x, bottom, x, bottom + 4) + Text(x, bottom + 17, "middle", x_.Label(tick));
  }
  svg += Line("axis", kLeft, bottom, right, bottom);
  svg += Text((kLeft + right) / 2, frame_.height - 7, "middle", frame_.x_label, " class=\"label\"");
  const double middle = (kTop + bottom) / 2;
  svg += Text(14, middle, "middle", frame_.y_label,
              absl::StrFormat(" class=\"label\" transform=\"rotate(-90 14 %s)\"", Plain(middle)));
  return svg + body_ + "</svg>";
}

std::string BarPlot(const Frame& frame, const Axis& axis, const std::vector<BarGroup>& groups) {
  constexpr double kNames = 150, kBar = 12, kGap = 10, kValue = 46;
  double height = kTop + kBottom;
  for (const BarGroup& group : groups)
    height += kGap + kBar * static_cast<double>(std::max<std::size_t>(1, group.bars.size()));
  Frame sized = frame;
  sized.height = static_cast<int>(height);
  const double right = frame.width - kValue, bottom = height - kBottom, span = right - kNames;
  std::string svg = Open(sized);
  for (const double tick : axis.Ticks()) {
    const double x = kNames + axis.Place(tick) * span;
    svg += Line("grid", x, kTop, x, bottom) + Text(x, bottom + 17, "middle", axis.Label(tick));
  }
  double y = kTop + kGap / 2;
  for (const BarGroup& group : groups) {
    const double size = kBar * static_cast<double>(std::max<std::size_t>(1, group.bars.size()));
    svg += Text(kNames - 8, y + size / 2 + 4, "end", group.label);
    double top = y;
    for (const auto& [style, value] : group.bars) {
      const double width = axis.Place(value) * span;
      svg += absl::StrFormat(
          "<rect class=\"%s\" x=\"%s\" y=\"%s\" width=\"%s\" height=\"%s\" rx=\"1.5\"/>", style,
          Plain(kNames), Plain(top), Plain(width), Plain(kBar - 1.5));
      svg += Text(kNames + width + 5, top + kBar - 2.5, "start", absl::StrFormat("%.3f", value),
                  " font-size=\"10.5\"");
      top += kBar;
    }
    y += size + kGap;
  }
  svg += Line("axis", kNames, kTop, kNames, bottom);
  svg += Text(kNames + span / 2, height - 7, "middle", frame.x_label, " class=\"label\"");
  return svg + "</svg>";
}

}  // namespace veilsum::cli
