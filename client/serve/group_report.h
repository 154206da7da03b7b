// Fairness of a released model between the groups that a column of a merchant's rows names.
#pragma once

#include "client/serve/fairness.h"
#include "client/serve/predictor.h"

namespace veilsum::client {

inline constexpr std::size_t kMaxGroups = 64;

struct FairnessQuestion {
  std::string data;   // a file of flat rows with the plan's label, or "-"
  std::string group;  // the column that names a row's group; the model need not read it
  FairnessTerms terms;
};

// Rows are read a bounded number at a time; of each only its logit and label are kept.
// FailedPrecondition: the plan is not binary, a flat row cannot hold its features, or no group is
// large enough. InvalidArgument: rows or a label that cannot be read, no rows, more than kMaxGroups
// groups.
absl::StatusOr<Fairness> GroupFairness(const Predictor& predictor,
                                       const FairnessQuestion& question);

// One JSON object on one line, or a table for people; both end with a line end.
std::string FairnessJson(const Predictor& predictor, const FairnessQuestion& question,
                         const Fairness& fairness);
std::string FairnessText(const FairnessQuestion& question, const Fairness& fairness);

}  // namespace veilsum::client
