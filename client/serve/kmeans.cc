#include "client/serve/kmeans.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>

namespace veilsum::client {
namespace {

constexpr double kFarthest = std::numeric_limits<double>::infinity();

class Points {
 public:
  Points(std::span<const float> numbers, std::size_t width) : numbers_(numbers), width_(width) {}
  std::size_t count() const { return numbers_.size() / width_; }
  std::size_t width() const { return width_; }
  std::span<const float> operator[](std::size_t i) const {
    return numbers_.subspan(i * width_, width_);
  }

 private:
  std::span<const float> numbers_;
  std::size_t width_;
};

double SquaredDistance(std::span<const float> a, std::span<const float> b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double by = static_cast<double>(a[i]) - static_cast<double>(b[i]);
    sum += by * by;
  }
  return sum;
}

// The place whose share of the sum holds `at` of it, in [0, 1); no place of weight 0.
std::size_t PlaceAt(const std::vector<double>& weights, double sum, double at) {
  std::size_t last = 0;
  double left = at * sum;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (weights[i] <= 0) continue;
    last = i;
    if (left < weights[i]) break;
    left -= weights[i];
  }
  return last;
}

// One point after another, each with a chance in proportion to its squared distance to those
// before. Empty: fewer than k points differ.
std::vector<double> Start(const Points& points, std::size_t k, std::mt19937_64& rng) {
  std::vector<double> centres, distance(points.count(), 1);
  while (centres.size() < k * points.width()) {
    const double sum = std::accumulate(distance.begin(), distance.end(), 0.0);
    if (!(sum > 0)) return {};
    const std::size_t chosen = PlaceAt(distance, sum, static_cast<double>(rng() >> 11) * 0x1p-53);
    const bool first = centres.empty();
    centres.insert(centres.end(), points[chosen].begin(), points[chosen].end());
    for (std::size_t i = 0; i < points.count(); ++i)
      distance[i] =
          std::min(first ? kFarthest : distance[i], SquaredDistance(points[i], points[chosen]));
  }
  return centres;
}

// Each point to its nearest centre; whether any changed.
bool Assign(const Points& points, Clusters& to, std::vector<double>& distance) {
  bool changed = false;
  to.spread = 0;
  for (std::size_t i = 0; i < points.count(); ++i) {
    const model::Nearest nearest = model::NearestCentre(points[i], to.centres);
    changed |= to.of[i] != nearest.cluster;
    to.of[i] = nearest.cluster;
    distance[i] = nearest.squared_distance;
    to.spread += distance[i];
  }
  return changed;
}

std::vector<std::size_t> Sizes(const std::vector<std::size_t>& of, std::size_t clusters) {
  std::vector<std::size_t> sizes(clusters);
  for (const std::size_t cluster : of) ++sizes[cluster];
  return sizes;
}

// An empty cluster takes the point that is farthest from its centre and not alone there.
void FillEmpty(Clusters& clusters, std::vector<double>& distance) {
  std::vector<std::size_t> sizes = Sizes(clusters.of, clusters.count());
  for (std::size_t c = 0; c < sizes.size(); ++c) {
    if (sizes[c] > 0) continue;
    const auto farthest =
        static_cast<std::size_t>(std::ranges::max_element(distance) - distance.begin());
    --sizes[clusters.of[farthest]];
    ++sizes[c];
    clusters.of[farthest] = c;
    distance[farthest] = 0;
  }
}

void MoveCentres(const Points& points, Clusters& clusters) {
  const std::vector<std::size_t> sizes = Sizes(clusters.of, clusters.count());
  std::ranges::fill(clusters.centres, 0);
  for (std::size_t i = 0; i < points.count(); ++i)
    for (std::size_t j = 0; j < points.width(); ++j)
      clusters.centres[clusters.of[i] * points.width() + j] += static_cast<double>(points[i][j]);
  for (std::size_t at = 0; at < clusters.centres.size(); ++at)
    clusters.centres[at] /= static_cast<double>(sizes[at / points.width()]);
}

Clusters Settled(const Points& points, std::vector<double> start, int max_rounds) {
  Clusters out{points.width(), std::move(start), {}, 0};
  out.of.assign(points.count(), out.count());
  std::vector<double> distance(points.count());
  for (int round = 0; Assign(points, out, distance) && round < max_rounds; ++round) {
    FillEmpty(out, distance);
    MoveCentres(points, out);
  }
  return out;
}

void SortBySize(Clusters& clusters) {
  const std::vector<std::size_t> sizes = Sizes(clusters.of, clusters.count());
  std::vector<std::size_t> order(sizes.size()), place(sizes.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, std::greater(), [&](std::size_t c) { return sizes[c]; });
  std::vector<double> centres;
  for (std::size_t at = 0; at < order.size(); ++at) {
    place[order[at]] = at;
    const auto begin =
        clusters.centres.begin() + static_cast<std::ptrdiff_t>(order[at] * clusters.width);
    centres.insert(centres.end(), begin, begin + static_cast<std::ptrdiff_t>(clusters.width));
  }
  clusters.centres = std::move(centres);
  for (std::size_t& cluster : clusters.of) cluster = place[cluster];
}

absl::Status CheckPoints(std::span<const float> points, std::size_t width) {
  if (width == 0 || points.empty() || points.size() % width != 0)
    return InvalidArgument("%d numbers are not rows of %d", points.size(), width);
  if (!std::ranges::all_of(points, [](float x) { return std::isfinite(x); }))
    return InvalidArgument("a point is not finite");
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Clusters> KMeans(std::span<const float> numbers, std::size_t width,
                                const KMeansTerms& terms) {
  VEILSUM_RETURN_IF_ERROR(CheckPoints(numbers, width));
  if (terms.k < 1 || terms.starts < 1)
    return InvalidArgument("k is %d and starts %d, must be at least 1", terms.k, terms.starts);
  const Points points(numbers, width);
  std::mt19937_64 rng(terms.seed);  // clusters are no secret from whom they are for
  Clusters best;
  for (int start = 0; start < terms.starts; ++start) {
    std::vector<double> centres = Start(points, terms.k, rng);
    if (centres.empty())
      return InvalidArgument("k is %d, the rows have fewer different representations", terms.k);
    Clusters found = Settled(points, std::move(centres), terms.max_rounds);
    if (start == 0 || found.spread < best.spread) best = std::move(found);
  }
  SortBySize(best);
  return best;
}

absl::StatusOr<double> Silhouette(std::span<const float> numbers, std::size_t width,
                                  std::span<const std::size_t> of) {
  VEILSUM_RETURN_IF_ERROR(CheckPoints(numbers, width));
  const Points points(numbers, width);
  if (of.size() != points.count())
    return InvalidArgument("%d points have %d clusters", points.count(), of.size());
  const std::size_t clusters = *std::ranges::max_element(of) + 1;
  const std::vector<std::size_t> sizes = Sizes({of.begin(), of.end()}, clusters);
  if (std::ranges::count(sizes, 0u) + 1 >= static_cast<std::ptrdiff_t>(clusters))
    return InvalidArgument("a silhouette needs two clusters");
  double total = 0;
  for (std::size_t i = 0; i < points.count(); ++i) {
    if (sizes[of[i]] == 1) continue;
    std::vector<double> sums(clusters);
    for (std::size_t j = 0; j < points.count(); ++j)
      sums[of[j]] += std::sqrt(SquaredDistance(points[i], points[j]));
    const double within = sums[of[i]] / static_cast<double>(sizes[of[i]] - 1);
    double other = kFarthest;
    for (std::size_t c = 0; c < clusters; ++c)
      if (c != of[i] && sizes[c] > 0)
        other = std::min(other, sums[c] / static_cast<double>(sizes[c]));
    if (std::max(within, other) > 0) total += (other - within) / std::max(within, other);
  }
  return total / static_cast<double>(points.count());
}

}  // namespace veilsum::client
