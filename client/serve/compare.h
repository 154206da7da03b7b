// A new release against the old one on this merchant's own hold-out.
#pragma once

#include "client/serve/predictor.h"
#include "model/paired.h"

namespace veilsum::client {

struct Comparison {
  std::string
      figure;  // roc_auc (binary), accuracy (classes), absolute_error (regression),
               // squared_distance (segments): to the nearest centre, as the new one reads rows
  std::size_t rows = 0;
  model::Difference difference;
};

// `rows` of the plan that both releases share, with their labels. FailedPrecondition: the releases
// read rows in different ways. InvalidArgument: too few rows.
absl::StatusOr<Comparison> Compare(const Predictor& before, const Predictor& after,
                                   const model::Examples& rows);
// Of errors and distances less is better, of all else more.
bool LessIsBetter(const Comparison& comparison);
// How much worse the new one is, less than 0 where it is better: of the figure itself, or, of an
// error or distance, as a share of the old one.
double LossOf(const Comparison& comparison);
// Whether it is worse for certain, its whole interval being on that side of nothing, and by more
// than `tolerated`, as LossOf.
bool IsWorse(const Comparison& comparison, double tolerated);

}  // namespace veilsum::client
