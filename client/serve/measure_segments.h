// How well a release's segments stand for a merchant's own customers, beside segments of its own.
#pragma once

#include "client/serve/predictor.h"

namespace veilsum::client {

// One JSON object on one line, of a release of task segments: the mean squared distance of rows to
// the nearest joint centre, the share of their variance that this explains, the rows of each
// segment and the share that the release states, and the same distance with as many centres of the
// merchant's own, by k-means. `data` as RowBatches::Open takes it: of a folder the hold-out, with
// own centres found on the training customers; else own centres are found on the same rows, which
// flatters them. Exact numbers, for the merchant alone. InvalidArgument: rows that cannot be read,
// or none.
absl::StatusOr<std::string> MeasureSegments(const Predictor& predictor, const std::string& data);

}  // namespace veilsum::client
