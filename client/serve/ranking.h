// Recommendations: the best of what was scored, and how good such a choice is. Of a plan with
// classes the candidates are its classes, for each row; of others they are a customer's rows.
#pragma once

#include "client/serve/predictor.h"

namespace veilsum::client {

struct RankedItem {
  std::string item;     // the class, or what the caller calls the row
  std::size_t row = 0;  // from 0, in the order given
  double score = 0;     // probability, or the value (of Q-learning the action's)
};
struct Recommendation {
  std::string id;                // of the customer
  std::vector<RankedItem> best;  // at most k, best first; of equals the earlier one first
};

// The places of the k largest scores, best first; of equals the earlier one first.
std::vector<std::size_t> TopK(std::span<const double> scores, std::size_t k);

// InvalidArgument: a plan of segments, whose predictions have no order.
absl::Status CheckRanks(const model::Plan& plan);

// `predictions` of rows in their order; `items` names them (may be empty). Rows of one id belong
// together wherever they are; customers come in the order of their first row. Rows without an id
// are one customer.
std::vector<Recommendation> Recommend(const model::Plan& plan,
                                      const std::vector<Prediction>& predictions,
                                      const std::vector<std::string>& items, std::size_t k);

// Of one ranking: gains[i] >= 0 is what candidate i is worth, ranked by scores. Normalised
// discounted cumulative gain (Järvelin and Kekäläinen 2002), with log2(1 + rank); 0 when nothing is
// worth anything.
double NdcgAt(std::span<const double> scores, std::span<const double> gains, std::size_t k);

}  // namespace veilsum::client
