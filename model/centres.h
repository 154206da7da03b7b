// Segments as a model: K centres of customers, trained by all merchants together (task segments).
// The layout is one layer, inputs x K: column k of its weight is centre k, among the numeric inputs
// as the model reads them, and its bias holds K times the segments' shares of the customers' rows:
// 1 is an even one.
#pragma once

#include <span>
#include <vector>

#include "model/examples.h"
#include "model/layout.h"

namespace veilsum::model {

struct Nearest {
  std::size_t cluster = 0;  // of equals the first
  double squared_distance = 0;
};
// `centres` are rows as long as the point, one a centre. What is done depends on their number alone
// (DP-06). A point that is not finite is at no finite distance from its centre.
Nearest NearestCentre(std::span<const float> point, std::span<const double> centres);

// Rows of layout.numeric() numbers, one a centre, of a model of this shape.
std::vector<double> CentresOf(const Layout& layout, const ModelVector& model);
// As trained, noise in them: of each centre, near 1 together, perhaps a little below 0.
std::vector<double> SharesOf(const Layout& layout, const ModelVector& model);

// The centres of `model` among points as `reads`, of the same layout, reads them: two models of
// other statistics can be held against each other on the same rows.
std::vector<double> CentresAmong(const Layout& layout, const ModelVector& model,
                                 const ModelVector& reads);

// One row as the model reads it: `to` is clip((numeric - mean) * scale, -4, 4) where the layout is
// standardised, else `numeric`. A NaN stays. Sizes: layout.numeric().
void PointOf(const Layout& layout, const ModelVector& model, std::span<const float> numeric,
             std::span<float> to);
// The same of every row, rows x layout.numeric(). InvalidArgument: numbers that do not fit.
absl::StatusOr<std::vector<float>> PointsOf(const Layout& layout, const ModelVector& model,
                                            const Examples& examples);

// The network whose output k for a point x is c_k . x - |c_k|^2 / 2, so that the largest output is
// the nearest centre's: what other programs run.
ModelVector ScoringModel(const Layout& layout, const ModelVector& model);

// How well centres stand for rows. Exact numbers: only where the rows are at home (SE-17).
struct SegmentQuality {
  std::size_t rows = 0;
  double mean_squared_distance = 0;  // of rows to the nearest centre
  // 1 - that over the mean squared distance to the rows' own mean; none where all rows are equal.
  std::optional<double> explained;
  std::vector<std::size_t> sizes;  // rows of each centre
};
// InvalidArgument: no rows, lengths that do not fit, a number that is not finite.
absl::StatusOr<SegmentQuality> EvaluateCentres(std::span<const float> points, std::size_t width,
                                               std::span<const double> centres);

}  // namespace veilsum::model
