// How good a released model's predictions of a yes or no, or of an amount, are on rows whose
// outcome is known.
#pragma once

#include "client/serve/predictor.h"

namespace veilsum::client {

// One JSON object: the figures of model::Quality, and of ROC-AUC the 95 % interval (DeLong). `data`
// as RowBatches::Open takes it; of a folder the hold-out. InvalidArgument: rows that cannot be
// read, or none.
absl::StatusOr<std::string> MeasureRows(const Predictor& predictor, const std::string& data);

}  // namespace veilsum::client
