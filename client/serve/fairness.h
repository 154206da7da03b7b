// How a binary model treats groups of customers: what it selects, how often it is right and how
// well it is calibrated in each, and how far groups are apart. Exact numbers, for the merchant
// alone.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "client/serve/intervals.h"

namespace veilsum::client {

struct GroupRows {
  std::string name;
  std::vector<float> logits, labels;  // of the same rows; labels 0 or 1
};

struct FairnessTerms {
  double threshold = 0.5;      // a probability from it on selects
  std::size_t min_group = 50;  // rows, at least 1: smaller groups have no figures
};

struct Share {
  std::size_t hits = 0, of = 0;
  std::optional<Interval> share;  // 95 %, Wilson; none of nothing
};

struct GroupFigures {
  std::string name;
  std::size_t rows = 0;
  Share positives, selected;
  Share true_positives, false_positives;  // selected among label 1, among label 0
  std::optional<Interval> roc_auc;        // 95 %, DeLong; needs two rows of each label
  // Ten bins of equal width over [0, 1]: the mean over rows of |mean prediction - positive rate| of
  // the row's bin; and about what it would be of as many rows if every prediction were right.
  double calibration_error = 0, calibration_by_chance = 0;
};

// The greatest difference between two groups, with limits that hold at 95 % for all pairs at once
// (Bonferroni), whichever pair the rows happened to choose.
struct Gap {
  Interval difference;
  std::string highest, lowest;  // groups
};

struct Fairness {
  std::vector<GroupFigures> groups;    // by name
  std::vector<std::string> too_small;  // by name
  GroupFigures together;               // of `groups` alone
  // None where fewer than two groups have the share in question.
  std::optional<Gap> demographic_parity;  // of `selected`
  // Limits of these two hold for both at once; equalised odds is the larger of them.
  std::optional<Gap> true_positives, false_positives;
  std::optional<Gap> equalised_odds;
};

// InvalidArgument: terms out of range, lengths that differ, a label that is not 0 or 1, a logit
// that is not finite. FailedPrecondition: no group has terms.min_group rows.
absl::StatusOr<Fairness> MeasureFairness(std::vector<GroupRows> groups, const FairnessTerms& terms);

}  // namespace veilsum::client
