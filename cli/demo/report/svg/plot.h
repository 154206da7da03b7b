// Plots as inline SVG: text that any browser and printer draws, without scripts, fonts or images
// from elsewhere. Colours come from the page's style sheet by class (kPlotStyle), so that screen
// and paper can differ.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/demo/report/svg/axis.h"

namespace veilsum::cli {

using Points = std::vector<std::pair<double, double>>;

struct Frame {
  std::string title;  // for screen readers and tooltips
  std::string x_label, y_label;
  int width = 460, height = 270;
};

// Lines and dots over two numeric axes. Series are drawn in the order they were added.
class LinePlot {
 public:
  LinePlot(Frame frame, Axis x, Axis y) : frame_(std::move(frame)), x_(x), y_(y) {}
  // `style`: a class of kPlotStyle (a, b, guide). An empty series draws nothing.
  void AddLine(const Points& points, std::string_view style);
  // Radius in pixels for each point.
  void AddDots(const Points& points, const std::vector<double>& radii, std::string_view style);
  std::string Svg() const;

 private:
  std::pair<double, double> Pixel(double x, double y) const;
  Frame frame_;
  Axis x_, y_;
  std::string body_;
};

struct BarGroup {
  std::string label;
  std::vector<std::pair<std::string, double>>
      bars;  // style class, value; a missing bar is left out
};

// Horizontal bars from the left end of `axis`, one group a row, with their values written beside
// them.
std::string BarPlot(const Frame& frame, const Axis& axis, const std::vector<BarGroup>& groups);

extern const std::string_view kPlotStyle;  // CSS

}  // namespace veilsum::cli
