#include "client/serve/ranking.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <unordered_map>

namespace veilsum::client {
namespace {

double Gain(std::span<const double> gains, const std::vector<std::size_t>& order) {
  double sum = 0;
  for (std::size_t rank = 0; rank < order.size(); ++rank)
    sum += gains[order[rank]] / std::log2(2 + static_cast<double>(rank));
  return sum;
}

std::vector<Recommendation> RecommendClasses(const model::Plan& plan,
                                             const std::vector<Prediction>& predictions,
                                             std::size_t k) {
  std::vector<Recommendation> out;
  for (std::size_t row = 0; row < predictions.size(); ++row) {
    const Prediction& p = predictions[row];
    out.push_back({p.id, {}});
    for (const std::size_t place : TopK(p.scores(), k))
      out.back().best.push_back({plan.label.values[place], row, p.scores()[place]});
  }
  return out;
}

}  // namespace

std::vector<std::size_t> TopK(std::span<const double> scores, std::size_t k) {
  std::vector<std::size_t> order(scores.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  k = std::min(k, order.size());
  const auto better = [&](std::size_t a, std::size_t b) {
    return scores[a] != scores[b] ? scores[a] > scores[b] : a < b;
  };
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(k), order.end(),
                    better);
  order.resize(k);
  return order;
}

absl::Status CheckRanks(const model::Plan& plan) {
  if (plan.task != model::Task::kSegments) return absl::OkStatus();
  return InvalidArgument("plan %s has segments, which rank nothing", plan.name);
}

std::vector<Recommendation> Recommend(const model::Plan& plan,
                                      const std::vector<Prediction>& predictions,
                                      const std::vector<std::string>& items, std::size_t k) {
  if (plan.label.kind == model::LabelKind::kClass) return RecommendClasses(plan, predictions, k);
  std::unordered_map<std::string, std::size_t> place;
  std::vector<Recommendation> out;
  std::vector<std::vector<std::size_t>> rows;  // of each customer
  for (std::size_t row = 0; row < predictions.size(); ++row) {
    const auto [found, added] = place.emplace(predictions[row].id, out.size());
    if (added) {
      out.push_back({predictions[row].id, {}});
      rows.emplace_back();
    }
    rows[found->second].push_back(row);
  }
  for (std::size_t u = 0; u < out.size(); ++u) {
    std::vector<double> scores;
    for (const std::size_t row : rows[u]) scores.push_back(predictions[row].score(plan.task));
    for (const std::size_t i : TopK(scores, k))
      out[u].best.push_back(
          {items.empty() ? std::string() : items[rows[u][i]], rows[u][i], scores[i]});
  }
  return out;
}

double NdcgAt(std::span<const double> scores, std::span<const double> gains, std::size_t k) {
  const double best = Gain(gains, TopK(gains, k));
  return best > 0 ? Gain(gains, TopK(scores, k)) / best : 0;
}

}  // namespace veilsum::client
