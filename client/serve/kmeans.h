// Lloyd's k-means with starts as of k-means++ (Arthur and Vassilvitskii 2007), and how well a
// clustering separates points (Rousseeuw 1987). Points are rows of `width` numbers.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "model/centres.h"

namespace veilsum::client {

struct KMeansTerms {
  std::size_t k = 2;       // at least 1
  std::uint64_t seed = 1;  // of the starts
  int starts = 8;          // the best of them counts
  int max_rounds = 100;    // of each start
};

struct Clusters {
  std::size_t width = 0;
  std::vector<double> centres;  // k x width, most points first
  std::vector<std::size_t> of;  // of each point
  double spread = 0;            // sum of squared distances to the centres

  std::size_t count() const { return centres.size() / width; }
};

// The same points and terms give the same clusters, none of them empty. InvalidArgument: lengths
// that do not fit, a number that is not finite, terms out of range, fewer than k different points.
absl::StatusOr<Clusters> KMeans(std::span<const float> points, std::size_t width,
                                const KMeansTerms& terms);

// The mean over points of (b - a) / max(a, b), a the mean distance to the others of its cluster and
// b the least mean distance to another cluster's; 0 for a point that is alone. Work is quadratic.
// InvalidArgument: lengths that do not fit, fewer than two clusters.
absl::StatusOr<double> Silhouette(std::span<const float> points, std::size_t width,
                                  std::span<const std::size_t> of);

}  // namespace veilsum::client
