#include "model/release/score_histogram.h"

#include <absl/strings/numbers.h>

#include <algorithm>
#include <cmath>

#include "model/release/manifest.h"

namespace veilsum::release {
namespace {

constexpr std::int64_t kLargest = (std::int64_t{1} << 53) - 1;  // of canonical JSON

absl::StatusOr<dp::ScoreHistogram> ReadHistogram(const Json& json) {
  dp::ScoreHistogram out{{json.at("bins").get<std::uint32_t>(), json.at("scale_log2").get<int>()}};
  const auto sigma = json.at("noise_sigma").get<std::string>();
  if (!absl::SimpleAtod(sigma, &out.noise_sigma))
    return InvalidArgument("score_histogram.noise_sigma is no decimal");
  out.cells = json.at("cells").get<std::vector<std::int64_t>>();
  return dp::WithoutGroups(out);
}

}  // namespace

std::optional<Json> ScoreHistogramJson(const dp::ScoreHistogram& histogram) {
  const bool fits = std::ranges::all_of(
      histogram.cells, [](std::int64_t cell) { return -kLargest <= cell && cell <= kLargest; });
  if (!fits) return std::nullopt;
  return Json{{"bins", histogram.grid.bins},
              {"scale_log2", histogram.grid.scale_log2},
              {"noise_sigma", DecimalOf(histogram.noise_sigma)},
              {"cells", histogram.cells}};
}

absl::StatusOr<dp::ScoreHistogram> ScoreHistogramOf(const Json& metrics) {
  const auto found = metrics.find("score_histogram");
  if (found == metrics.end()) return NotFound("the release has no private evaluation");
  try {
    return ReadHistogram(*found);
  } catch (const Json::exception&) {
    return InvalidArgument("score_histogram is not bins, cells, noise_sigma and scale_log2");
  }
}

}  // namespace veilsum::release
