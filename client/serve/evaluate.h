// What a released model is worth on rows whose outcome is known: how good its predictions are, its
// rankings of a catalogue against one by popularity, or its policy from a log of another one's
// decisions; of segments, which need no outcome, how near their centres are. Exact numbers, for the
// merchant alone.
#pragma once

#include "client/serve/predictor.h"

namespace veilsum::client {

struct EvaluateQuestion {
  std::string data;      // a file of flat rows, "-", or a folder: its hold-out
  std::size_t top = 10;  // classes: the k of hit rate and NDCG
  // Q-learning, of flat rows: the column with the probability of the logged action; empty: the
  // plan's
  std::string propensity = {};
  double explore = 0;  // Q-learning: share of decisions with any action alike
};

// One JSON object on one line. The rows have the plan's features, its label and, of Q-learning, the
// reward; a customer's rows are decisions in the order they come. FailedPrecondition: the plan's
// label has no classes, or a flat row cannot hold its features. InvalidArgument: a row that cannot
// be read, names a class that there is not, or has a propensity that is none.
absl::StatusOr<std::string> EvaluateRows(const Predictor& predictor,
                                         const EvaluateQuestion& question);

}  // namespace veilsum::client
