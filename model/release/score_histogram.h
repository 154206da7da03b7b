// What private evaluation said of the released model, as noisy histograms in metrics.json: whoever
// has two releases can compare them without asking anybody. Post-processing of noisy sums that the
// run has charged.
//   "score_histogram": {"bins", "cells", "noise_sigma", "scale_log2"}
#pragma once

#include <optional>

#include "base/canonical_json.h"
#include "dp/mechanism/private_auc.h"

namespace veilsum::release {

// One group. None where a cell is beyond what canonical JSON holds.
std::optional<Json> ScoreHistogramJson(const dp::ScoreHistogram& histogram);
// Of a release's metrics. NotFound: they have none. InvalidArgument naming the field: another form.
absl::StatusOr<dp::ScoreHistogram> ScoreHistogramOf(const Json& metrics);

}  // namespace veilsum::release
