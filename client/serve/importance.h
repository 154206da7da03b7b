// What moves a released model's predictions over many rows: the mean size of each feature's
// integrated gradients (client/serve/attribution.h) over a sample of the rows.
#pragma once

#include "client/serve/predictor.h"

namespace veilsum::client {

struct ImportanceQuestion {
  std::string data;           // a file of flat rows, "-", or a folder with the plan's tables
  std::size_t sample = 1000;  // rows explained, drawn from all alike; at least 1
  std::uint64_t seed = 1;     // of the draw
};

struct FeatureImportance {
  std::string feature;        // FeatureName
  double size = 0;            // mean |attribution|, of the logit, the chosen class's, or the value
  double standard_error = 0;  // of `size`, from the sample; 0 of one row
  double share = 0;           // of the sum of sizes; 0 where that is 0
  double direction = 0;       // mean attribution: where it moves the output on the whole
};

struct Importance {
  std::size_t rows = 0, explained = 0;
  double residual = 0;                      // mean |what the integral misses|
  std::vector<FeatureImportance> features;  // largest size first; of equals in plan order
};

// FailedPrecondition: a flat row cannot hold the plan's features. InvalidArgument: rows that cannot
// be read, no rows.
absl::StatusOr<Importance> MeasureImportance(const Predictor& predictor,
                                             const ImportanceQuestion& question);

// One JSON object on one line, or a table for people; both end with a line end.
std::string ImportanceJson(const Predictor& predictor, const Importance& importance);
std::string ImportanceText(const Importance& importance);

}  // namespace veilsum::client
