#include "client/serve/measure_segments.h"

#include <nlohmann/json.hpp>

#include "client/data/dataset.h"
#include "client/serve/kmeans.h"
#include "client/serve/row_batches.h"
#include "model/centres.h"

namespace veilsum::client {
namespace {

using nlohmann::ordered_json;

constexpr std::size_t kMostRows = std::size_t{1} << 23;
constexpr std::size_t kOwnRows = 20'000;  // that own centres are found on, at even distances

struct Measured {
  std::vector<float> scored, found_on;  // points
  const char* found_on_name = "";
};

absl::StatusOr<std::vector<float>> PointsOfRows(const Predictor& predictor,
                                                const model::Examples& rows) {
  return model::PointsOf(predictor.release().layout, predictor.release().model, rows);
}

absl::StatusOr<Measured> OfFolder(const Predictor& predictor, const std::string& folder) {
  VEILSUM_ASSIGN_OR_RETURN(const Dataset data, LoadDataset(predictor.plan(), {folder}));
  Measured out;
  VEILSUM_ASSIGN_OR_RETURN(out.scored, PointsOfRows(predictor, data.holdout));
  VEILSUM_ASSIGN_OR_RETURN(out.found_on, PointsOfRows(predictor, data.training));
  out.found_on_name = "training customers";
  return out;
}

absl::StatusOr<Measured> OfRows(const Predictor& predictor, const std::string& data) {
  VEILSUM_ASSIGN_OR_RETURN(RowBatches batch,
                           RowBatches::Open(predictor, data, CustomersPart::kAll));
  Measured out;
  while (true) {
    VEILSUM_ASSIGN_OR_RETURN(const bool more, batch.Next());
    if (!more) break;
    VEILSUM_ASSIGN_OR_RETURN(const std::vector<float> points,
                             PointsOfRows(predictor, batch.examples()));
    out.scored.insert(out.scored.end(), points.begin(), points.end());
    if (out.scored.size() / predictor.release().layout.numeric() > kMostRows)
      return InvalidArgument("%s: more than %d rows", batch.name(), kMostRows);
  }
  out.found_on = out.scored;
  out.found_on_name = "the same rows";
  return out;
}

// None: fewer different rows than segments.
std::optional<std::vector<double>> OwnCentres(const std::vector<float>& points, std::size_t width,
                                              std::size_t count) {
  const std::size_t rows = points.size() / width, taken = std::min(rows, kOwnRows);
  std::vector<float> some;
  for (std::size_t i = 0; i < taken; ++i) {
    const auto from = points.begin() + static_cast<std::ptrdiff_t>(i * rows / taken * width);
    some.insert(some.end(), from, from + static_cast<std::ptrdiff_t>(width));
  }
  absl::StatusOr<Clusters> found = KMeans(some, width, {.k = count});
  if (!found.ok()) return std::nullopt;
  return std::move(found->centres);
}

ordered_json OrNothing(const std::optional<double>& value) {
  return value ? ordered_json(*value) : ordered_json(nullptr);
}

ordered_json SegmentsOf(const model::SegmentQuality& quality, const std::vector<double>& stated) {
  ordered_json out = ordered_json::array();
  for (std::size_t k = 0; k < quality.sizes.size(); ++k)
    out.push_back(
        {{"segment", k + 1},
         {"rows", quality.sizes[k]},
         {"share", static_cast<double>(quality.sizes[k]) / static_cast<double>(quality.rows)},
         {"share_stated", stated[k]}});
  return out;
}

}  // namespace

absl::StatusOr<std::string> MeasureSegments(const Predictor& predictor, const std::string& data) {
  const release::Release& release = predictor.release();
  VEILSUM_ASSIGN_OR_RETURN(const Measured rows,
                           IsFolder(data) ? OfFolder(predictor, data) : OfRows(predictor, data));
  const std::size_t width = release.layout.numeric();
  if (rows.scored.empty()) return InvalidArgument("%s: there are no rows", data);
  const std::vector<double> joint = model::CentresOf(release.layout, release.model);
  VEILSUM_ASSIGN_OR_RETURN(const model::SegmentQuality quality,
                           model::EvaluateCentres(rows.scored, width, joint));
  ordered_json own = nullptr;
  if (const auto centres = OwnCentres(rows.found_on, width, release.plan.label.segments)) {
    VEILSUM_ASSIGN_OR_RETURN(const model::SegmentQuality mine,
                             model::EvaluateCentres(rows.scored, width, *centres));
    own = {{"mean_squared_distance", mine.mean_squared_distance},
           {"explained", OrNothing(mine.explained)},
           {"found_on", rows.found_on_name}};
  }
  return ordered_json{
             {"rows", quality.rows},
             {"mean_squared_distance", quality.mean_squared_distance},
             {"explained", OrNothing(quality.explained)},
             {"own", own},
             {"segments", SegmentsOf(quality, model::SharesOf(release.layout, release.model))}}
             .dump() +
         "\n";
}

}  // namespace veilsum::client
