// How good a model's outputs are for a plan's task. Exact numbers: only where the hold-out is at
// home (SE-17).
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "model/centres.h"
#include "model/metrics.h"
#include "model/plan/plan.h"

namespace veilsum::model {

// What the task does not have is empty.
struct Quality {
  std::size_t rows = 0;
  double loss = 0;  // mean of the trained loss: binary and classes log loss, values on their scale
  std::optional<double> log_loss, accuracy, majority_accuracy;  // binary and classes
  // Binary; classes: mean over those present, each against all others (Provost and Domingos 2001,
  // unweighted). None when one class only is present.
  std::optional<double> roc_auc;
  std::optional<double> pr_auc;             // binary
  std::optional<double> rmse, mae, r2;      // values, in the units of the label's column; r2: none
                                            // where all labels are equal
  std::vector<CalibrationBin> calibration;  // binary
  std::optional<SegmentQuality> segments;   // segments, with half the mean squared distance as loss

  // What runs are compared by: RMSE of values and the mean squared distance of segments (less is
  // better), else ROC-AUC (more is better).
  std::optional<double> leading() const {
    if (segments) return segments->mean_squared_distance;
    return rmse ? rmse : roc_auc;
  }
};

// outputs: rows x plan.model_outputs(), of which the label's are looked at; labels as ParseLabel
// gives them. InvalidArgument: nothing to score, lengths that do not fit, a label that is none of
// the task's, an output that is not finite.
absl::StatusOr<Quality> Evaluate(const Plan& plan, std::span<const float> outputs,
                                 std::span<const float> labels);

// Of task segments, whose rows have no labels: of points as the model reads them (PointsOf).
// InvalidArgument as of EvaluateCentres.
absl::StatusOr<Quality> EvaluateSegments(std::span<const float> points, std::size_t width,
                                         std::span<const double> centres);

// As Evaluate of plan.heads[head], over the rows whose label is not missing (NaN).
absl::StatusOr<Quality> EvaluateHead(const Plan& plan, std::size_t head,
                                     std::span<const float> outputs, std::span<const float> labels);

}  // namespace veilsum::model
