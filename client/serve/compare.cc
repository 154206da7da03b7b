#include "client/serve/compare.h"

#include <cmath>

#include "model/centres.h"
#include "model/plan/scale.h"

namespace veilsum::client {
namespace {

// What one row is worth: right or wrong, or how far off.
std::vector<double> Figures(const model::Plan& plan, const std::vector<Prediction>& predictions,
                            const std::vector<float>& labels) {
  std::vector<double> out;
  for (std::size_t row = 0; row < labels.size(); ++row) {
    const auto label = static_cast<double>(labels[row]);
    out.push_back(plan.label.kind == model::LabelKind::kClass
                      ? (static_cast<double>(predictions[row].chosen) == label ? 1.0 : 0.0)
                      : std::abs(predictions[row].value - model::Scale(plan.label).Decode(label)));
  }
  return out;
}

std::vector<double> SquaredDistances(std::span<const float> points, std::size_t width,
                                     const std::vector<double>& centres) {
  std::vector<double> out;
  for (std::size_t at = 0; at < points.size(); at += width)
    out.push_back(model::NearestCentre(points.subspan(at, width), centres).squared_distance);
  return out;
}

absl::StatusOr<Comparison> CompareCentres(const release::Release& before,
                                          const release::Release& after,
                                          const model::Examples& rows) {
  VEILSUM_ASSIGN_OR_RETURN(const std::vector<float> points,
                           model::PointsOf(after.layout, after.model, rows));
  const std::size_t width = after.layout.numeric();
  const auto old = model::CentresAmong(before.layout, before.model, after.model);
  const auto now = model::CentresOf(after.layout, after.model);
  Comparison out{"squared_distance", rows.rows(), {}};
  VEILSUM_ASSIGN_OR_RETURN(out.difference,
                           model::MeanDifference(SquaredDistances(points, width, old),
                                                 SquaredDistances(points, width, now)));
  return out;
}

std::vector<float> Logits(const std::vector<Prediction>& predictions) {
  std::vector<float> out;
  for (const Prediction& p : predictions) out.push_back(static_cast<float>(p.logit));
  return out;
}

}  // namespace

bool LessIsBetter(const Comparison& c) {
  return c.figure == "absolute_error" || c.figure == "squared_distance";
}

double LossOf(const Comparison& c) {
  const model::Difference& d = c.difference;
  if (!LessIsBetter(c)) return -d.value;
  return d.before > 0 ? d.value / d.before : (d.value > 0 ? HUGE_VAL : 0);
}

bool IsWorse(const Comparison& c, double tolerated) {
  const bool certain = LessIsBetter(c) ? c.difference.low > 0 : c.difference.high < 0;
  return certain && LossOf(c) > tolerated;
}

absl::StatusOr<Comparison> Compare(const Predictor& before, const Predictor& after,
                                   const model::Examples& rows) {
  const release::Manifest &a = before.release().manifest, &b = after.release().manifest;
  if (a.schema_sha256 != b.schema_sha256 || a.preprocess_sha256 != b.preprocess_sha256)
    return FailedPrecondition("the releases read rows in different ways");
  if (after.plan().task == model::Task::kSegments)
    return CompareCentres(before.release(), after.release(), rows);
  VEILSUM_ASSIGN_OR_RETURN(const std::vector<Prediction> old, before.Predict(rows, false));
  VEILSUM_ASSIGN_OR_RETURN(const std::vector<Prediction> now, after.Predict(rows, false));
  Comparison out{"roc_auc", rows.rows(), {}};
  if (after.plan().task == model::Task::kBinary) {
    VEILSUM_ASSIGN_OR_RETURN(out.difference,
                             model::AucDifference(Logits(old), Logits(now), rows.labels));
    return out;
  }
  out.figure = after.plan().label.kind == model::LabelKind::kClass ? "accuracy" : "absolute_error";
  VEILSUM_ASSIGN_OR_RETURN(out.difference,
                           model::MeanDifference(Figures(before.plan(), old, rows.labels),
                                                 Figures(after.plan(), now, rows.labels)));
  return out;
}

}  // namespace veilsum::client
