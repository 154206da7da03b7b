#include "model/centres.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace veilsum::model {
namespace {

double SpreadAroundMean(std::span<const float> points, std::size_t width) {
  const double rows = static_cast<double>(points.size() / width);
  double spread = 0;
  for (std::size_t j = 0; j < width; ++j) {
    double sum = 0, squares = 0;
    for (std::size_t at = j; at < points.size(); at += width)
      sum += static_cast<double>(points[at]);
    for (std::size_t at = j; at < points.size(); at += width) {
      const double by = static_cast<double>(points[at]) - sum / rows;
      squares += by * by;
    }
    spread += squares;
  }
  return spread / rows;
}

}  // namespace

Nearest NearestCentre(std::span<const float> point, std::span<const double> centres) {
  Nearest out{0, std::numeric_limits<double>::infinity()};
  for (std::size_t c = 0; c < centres.size() / point.size(); ++c) {
    double sum = 0;
    for (std::size_t i = 0; i < point.size(); ++i) {
      const double by = static_cast<double>(point[i]) - centres[c * point.size() + i];
      sum += by * by;
    }
    const bool nearer = sum < out.squared_distance;
    out.cluster = nearer ? c : out.cluster;
    out.squared_distance = nearer ? sum : out.squared_distance;
  }
  return out;
}

std::vector<double> CentresOf(const Layout& layout, const ModelVector& model) {
  const Layer& layer = layout.layers().front();
  std::vector<double> centres(layer.in * layer.out);
  for (std::size_t k = 0; k < layer.out; ++k)
    for (std::size_t j = 0; j < layer.in; ++j)
      centres[k * layer.in + j] = static_cast<double>(model[layer.weight + j * layer.out + k]);
  return centres;
}

std::vector<double> SharesOf(const Layout& layout, const ModelVector& model) {
  const Layer& layer = layout.layers().front();
  std::vector<double> shares;
  for (std::size_t k = 0; k < layer.out; ++k)
    shares.push_back(static_cast<double>(model[layer.bias + k]) / static_cast<double>(layer.out));
  return shares;
}

std::vector<double> CentresAmong(const Layout& layout, const ModelVector& model,
                                 const ModelVector& reads) {
  std::vector<double> centres = CentresOf(layout, model);
  const std::size_t width = layout.numeric();
  for (std::size_t at = 0; layout.standardised() && at < centres.size(); ++at) {
    const std::size_t j = at % width;
    const auto scale = static_cast<double>(model[width + j]);
    const double raw = scale == 0 ? 0 : centres[at] / scale;
    const double from_mean = raw + static_cast<double>(model[j]) - static_cast<double>(reads[j]);
    centres[at] = std::clamp(from_mean * static_cast<double>(reads[width + j]), -4.0, 4.0);
  }
  return centres;
}

void PointOf(const Layout& layout, const ModelVector& model, std::span<const float> numeric,
             std::span<float> to) {
  std::ranges::copy(numeric, to.begin());
  if (!layout.standardised()) return;
  for (std::size_t j = 0; j < to.size(); ++j)
    to[j] = std::clamp((to[j] - model[j]) * model[layout.numeric() + j], -4.0f, 4.0f);
}

absl::StatusOr<std::vector<float>> PointsOf(const Layout& layout, const ModelVector& model,
                                            const Examples& examples) {
  if (model.size() != layout.size() || layout.layers().size() != 1)
    return InvalidArgument("the model has %d numbers in %d layers, must be %d in 1", model.size(),
                           layout.layers().size(), layout.size());
  const std::size_t width = layout.numeric();
  if (static_cast<std::size_t>(examples.numeric) != width || layout.inputs() != width ||
      examples.numeric_values.size() != examples.rows() * width)
    return InvalidArgument("examples have %d numeric features, the layout %d of %d inputs",
                           examples.numeric, width, layout.inputs());
  std::vector<float> points(examples.rows() * width);
  for (std::size_t row = 0; row < examples.rows(); ++row)
    PointOf(layout, model, examples.NumericOf(row), std::span(points).subspan(row * width, width));
  return points;
}

ModelVector ScoringModel(const Layout& layout, const ModelVector& model) {
  const Layer& layer = layout.layers().front();
  const std::vector<double> centres = CentresOf(layout, model);
  ModelVector out = model;
  for (std::size_t k = 0; k < layer.out; ++k) {
    double squares = 0;
    for (std::size_t j = 0; j < layer.in; ++j)
      squares += centres[k * layer.in + j] * centres[k * layer.in + j];
    out[layer.bias + k] = static_cast<float>(-squares / 2);
  }
  return out;
}

absl::StatusOr<SegmentQuality> EvaluateCentres(std::span<const float> points, std::size_t width,
                                               std::span<const double> centres) {
  if (points.empty()) return InvalidArgument("there is nothing to score");
  if (width == 0 || points.size() % width != 0 || centres.empty() || centres.size() % width != 0)
    return InvalidArgument("%d and %d numbers are not rows of %d", points.size(), centres.size(),
                           width);
  SegmentQuality out{
      points.size() / width, 0, {}, std::vector<std::size_t>(centres.size() / width)};
  double sum = 0;
  for (std::size_t row = 0; row < out.rows; ++row) {
    const Nearest nearest = NearestCentre(points.subspan(row * width, width), centres);
    if (!std::isfinite(nearest.squared_distance))
      return InvalidArgument("a row or a centre is not finite");
    sum += nearest.squared_distance;
    ++out.sizes[nearest.cluster];
  }
  out.mean_squared_distance = sum / static_cast<double>(out.rows);
  const double spread = SpreadAroundMean(points, width);
  if (spread > 0) out.explained = 1 - out.mean_squared_distance / spread;
  return out;
}

}  // namespace veilsum::model
