// How good rankings of a whole catalogue are, and what a ranking by popularity reaches on the same
// rows. Exact numbers: only where the rows are at home.
#pragma once

#include <span>
#include <vector>

#include "base/status.h"

namespace veilsum::client {

struct RankingQuality {
  std::size_t rows = 0;
  double hit_rate = 0;  // of rows whose item is among the k best
  double ndcg = 0;      // at k; of one item a row that is 1 / log2(1 + its rank), or 0 beyond k
  std::vector<bool> hits;
};

// scores: rows x items, more is better, of equals the earlier item first; chosen: each row's item.
// InvalidArgument: no rows, sizes that do not fit, an item that there is not.
absl::StatusOr<RankingQuality> MeasureRanking(std::span<const double> scores,
                                              std::span<const std::size_t> chosen,
                                              std::size_t items, std::size_t k);

// Every row gets the same ranking: items by how often they are in `seen`, of equals the earlier one
// first.
absl::StatusOr<RankingQuality> MeasurePopularity(std::span<const std::size_t> seen,
                                                 std::span<const std::size_t> chosen,
                                                 std::size_t items, std::size_t k);

// By how much the hit rate of `better` is above that of `other` on the same rows, with the standard
// error of that difference.
struct Margin {
  double difference = 0, error = 0;
  double low() const { return difference - 2.576 * error; }  // 99.5 % one-sided
};
Margin HitMargin(const RankingQuality& better, const RankingQuality& other);

}  // namespace veilsum::client
