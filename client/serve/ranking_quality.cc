#include "client/serve/ranking_quality.h"

#include <algorithm>
#include <cmath>

namespace veilsum::client {
namespace {

// Places before the chosen item's, from 0.
std::size_t RankOf(std::span<const double> scores, std::size_t chosen) {
  std::size_t before = 0;
  for (std::size_t i = 0; i < scores.size(); ++i)
    before += scores[i] > scores[chosen] || (scores[i] == scores[chosen] && i < chosen);
  return before;
}

absl::Status CheckChosen(std::span<const std::size_t> chosen, std::size_t items) {
  if (chosen.empty()) return InvalidArgument("there is nothing to score");
  for (const std::size_t item : chosen)
    if (item >= items) return InvalidArgument("item %d, must be below %d", item, items);
  return absl::OkStatus();
}

RankingQuality Measure(const std::vector<std::size_t>& ranks, std::size_t k) {
  RankingQuality out;
  out.rows = ranks.size();
  for (const std::size_t rank : ranks) {
    out.hits.push_back(rank < k);
    if (rank >= k) continue;
    out.hit_rate += 1;
    out.ndcg += 1 / std::log2(2 + static_cast<double>(rank));
  }
  out.hit_rate /= static_cast<double>(ranks.size());
  out.ndcg /= static_cast<double>(ranks.size());
  return out;
}

}  // namespace

absl::StatusOr<RankingQuality> MeasureRanking(std::span<const double> scores,
                                              std::span<const std::size_t> chosen,
                                              std::size_t items, std::size_t k) {
  VEILSUM_RETURN_IF_ERROR(CheckChosen(chosen, items));
  if (scores.size() != chosen.size() * items)
    return InvalidArgument("%d scores for %d rows of %d items", scores.size(), chosen.size(),
                           items);
  std::vector<std::size_t> ranks;
  for (std::size_t row = 0; row < chosen.size(); ++row)
    ranks.push_back(RankOf(scores.subspan(row * items, items), chosen[row]));
  return Measure(ranks, k);
}

absl::StatusOr<RankingQuality> MeasurePopularity(std::span<const std::size_t> seen,
                                                 std::span<const std::size_t> chosen,
                                                 std::size_t items, std::size_t k) {
  VEILSUM_RETURN_IF_ERROR(CheckChosen(chosen, items));
  std::vector<double> counts(items);
  for (const std::size_t item : seen) {
    if (item >= items) return InvalidArgument("item %d, must be below %d", item, items);
    ++counts[item];
  }
  std::vector<std::size_t> ranks;
  for (const std::size_t item : chosen) ranks.push_back(RankOf(counts, item));
  return Measure(ranks, k);
}

Margin HitMargin(const RankingQuality& better, const RankingQuality& other) {
  const auto rows = static_cast<double>(better.hits.size());
  double sum = 0, squares = 0;
  for (std::size_t row = 0; row < better.hits.size(); ++row) {
    const double difference = (better.hits[row] ? 1 : 0) - (other.hits[row] ? 1 : 0);
    sum += difference;
    squares += difference * difference;
  }
  const double mean = sum / rows;
  return {mean, std::sqrt(std::max(0.0, squares / rows - mean * mean) / rows)};
}

}  // namespace veilsum::client
