#include "client/serve/segments.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <optional>

#include "client/serve/kmeans.h"
#include "client/serve/private_lines.h"
#include "client/serve/row_batches.h"
#include "client/serve/row_sample.h"
#include "model/centres.h"
#include "model/mlp.h"

namespace veilsum::client {
namespace {

namespace fs = std::filesystem;

absl::Status CheckQuestion(const SegmentsQuestion& question) {
  if (question.k == 0 && (question.k_min < 2 || question.k_max < question.k_min))
    return InvalidArgument("k is to be chosen of %d to %d, must be of 2 or more", question.k_min,
                           question.k_max);
  if (question.sample < 2 || question.sample < question.k)
    return InvalidArgument("sample is %d, must be at least 2 and at least k", question.sample);
  std::error_code error;
  if (fs::exists(question.data, error) && !fs::is_regular_file(question.data, error) &&
      !IsFolder(question.data))
    return InvalidArgument("%s: segments need a file or a folder: it is read twice", question.data);
  if (question.data == "-")
    return InvalidArgument("stdin: segments need a file or a folder: it is read twice");
  if (!question.out.empty() && fs::equivalent(question.data, question.out, error))
    return InvalidArgument("%s: --out is the data", question.out);
  if (!question.out.empty() && IsFolder(question.data) &&
      fs::equivalent(question.data, fs::absolute(question.out).parent_path(), error))
    return InvalidArgument("%s: --out is in the folder of the data", question.out);
  return absl::OkStatus();
}

bool IsJoint(const Predictor& predictor) { return predictor.plan().task == model::Task::kSegments; }

absl::StatusOr<std::vector<float>> VectorsOf(const Predictor& predictor,
                                             const model::Examples& rows) {
  if (IsJoint(predictor))
    return model::PointsOf(predictor.release().layout, predictor.release().model, rows);
  return model::Representations(predictor.release().layout, predictor.release().model, rows);
}

std::size_t WidthOf(const Predictor& predictor) {
  return predictor.release().layout.layers().back().in;
}

// The vectors of a sample of the rows.
absl::StatusOr<std::vector<float>> SampleVectors(const Predictor& predictor,
                                                 const SegmentsQuestion& question,
                                                 std::size_t& rows) {
  VEILSUM_ASSIGN_OR_RETURN(RowBatches batch,
                           RowBatches::Open(predictor, question.data, CustomersPart::kAll));
  const auto width = static_cast<std::ptrdiff_t>(WidthOf(predictor));
  RowSample sample(question.sample, question.seed);
  std::vector<float> out;
  while (true) {
    VEILSUM_ASSIGN_OR_RETURN(const bool more, batch.Next());
    if (!more) break;
    VEILSUM_ASSIGN_OR_RETURN(const std::vector<float> vectors,
                             VectorsOf(predictor, batch.examples()));
    for (auto from = vectors.begin(); from != vectors.end(); from += width) {
      const std::optional<std::size_t> place = sample.Place();
      if (!place) continue;
      const auto at = static_cast<std::ptrdiff_t>(*place) * width;
      if (at == std::ssize(out)) out.resize(out.size() + static_cast<std::size_t>(width));
      std::copy(from, from + width, out.begin() + at);
    }
  }
  rows = sample.seen();
  if (rows == 0) return InvalidArgument("%s: there are no rows", batch.name());
  return out;
}

// On points at even distances in the sample. None: one cluster alone is among them.
std::optional<double> SilhouetteOf(const std::vector<float>& vectors, const Clusters& clusters) {
  const std::size_t points = clusters.of.size(), taken = std::min(points, kSilhouetteRows);
  std::vector<float> some;
  std::vector<std::size_t> of;
  for (std::size_t i = 0; i < taken; ++i) {
    const std::size_t point = i * points / taken;
    const auto from = vectors.begin() + static_cast<std::ptrdiff_t>(point * clusters.width);
    some.insert(some.end(), from, from + static_cast<std::ptrdiff_t>(clusters.width));
    of.push_back(clusters.of[point]);
  }
  const absl::StatusOr<double> found = Silhouette(some, clusters.width, of);
  if (!found.ok()) return std::nullopt;
  return *found;
}

// Of a range of k the clusters with the best silhouette, of equals the fewest.
absl::StatusOr<Clusters> ChooseClusters(const std::vector<float>& vectors, std::size_t width,
                                        const SegmentsQuestion& question,
                                        std::vector<TriedK>& tried) {
  const std::size_t first = question.k > 0 ? question.k : question.k_min;
  const std::size_t last = question.k > 0 ? question.k : question.k_max;
  Clusters best;
  double highest = -2;
  for (std::size_t k = first; k <= last; ++k) {
    absl::StatusOr<Clusters> found = KMeans(vectors, width, {.k = k, .seed = question.seed});
    if (!found.ok() && k > first) break;  // no more rows differ
    if (!found.ok()) return found.status();
    const std::optional<double> silhouette = SilhouetteOf(vectors, *found);
    if (silhouette) tried.push_back({k, *silhouette});
    if (best.of.empty() || silhouette.value_or(-2) > highest) best = *std::move(found);
    highest = std::max(highest, silhouette.value_or(-2));
  }
  return best;
}

// Gathers what is told of each segment.
class Description {
 public:
  Description(const Predictor& predictor, std::size_t segments)
      : predictor_(predictor),
        profile_(predictor.plan(), segments),
        segments_(segments),
        scores_(segments) {}

  void Add(const RowBatches& batch, std::size_t row, const Prediction& prediction,
           const model::Nearest& nearest) {
    Segment& segment = segments_[nearest.cluster];
    segment.distance += std::sqrt(nearest.squared_distance);
    squares_ += nearest.squared_distance;
    segment.score += prediction.score(predictor_.plan().task);
    std::vector<double>& scores = scores_[nearest.cluster];
    scores.resize(prediction.scores().size());
    for (std::size_t i = 0; i < scores.size(); ++i) scores[i] += prediction.scores()[i];
    profile_.Add(nearest.cluster, batch.rows()[row], batch.examples().NumericOf(row));
    ++rows_;
  }

  std::size_t rows() const { return rows_; }
  double mean_squared_distance() const { return squares_ / static_cast<double>(rows_); }
  std::vector<Segment> Segments(std::size_t traits) && {
    for (std::size_t s = 0; s < segments_.size(); ++s) Settle(s, traits);
    return std::move(segments_);
  }

 private:
  void Settle(std::size_t s, std::size_t traits) {
    Segment& segment = segments_[s];
    segment.rows = profile_.rows(s);
    if (segment.rows == 0) return;  // its rows of the sample are nearer to others' centres
    const auto rows = static_cast<double>(segment.rows);
    segment.share = rows / static_cast<double>(rows_);
    segment.distance /= rows;
    const auto best = std::ranges::max_element(scores_[s]);
    if (best != scores_[s].end()) {
      segment.likeliest =
          predictor_.plan().label.values[static_cast<std::size_t>(best - scores_[s].begin())];
      segment.score = *best;
    }
    segment.score /= rows;
    segment.traits = profile_.Traits(s, traits);
  }

  const Predictor& predictor_;
  SegmentProfile profile_;
  std::vector<Segment> segments_;
  std::vector<std::vector<double>> scores_;  // segments x classes, sums
  std::size_t rows_ = 0;
  double squares_ = 0;  // of distances
};

absl::Status DescribeBatch(const Predictor& predictor, const RowBatches& batch,
                           const Clusters& clusters, Description& to, PrivateLines* lines) {
  VEILSUM_ASSIGN_OR_RETURN(const std::vector<Prediction> predictions,
                           predictor.Predict(batch.examples(), false));
  VEILSUM_ASSIGN_OR_RETURN(const std::vector<float> vectors,
                           VectorsOf(predictor, batch.examples()));
  for (std::size_t row = 0; row < predictions.size(); ++row) {
    const model::Nearest nearest = model::NearestCentre(
        std::span(vectors).subspan(row * clusters.width, clusters.width), clusters.centres);
    to.Add(batch, row, predictions[row], nearest);
    if (lines == nullptr) continue;
    VEILSUM_RETURN_IF_ERROR(lines->Append(
        absl::StrFormat("%s,%d,%d,%g\n", CsvField(batch.rows()[row].id), batch.rows()[row].line,
                        nearest.cluster + 1, std::sqrt(nearest.squared_distance))));
  }
  return absl::OkStatus();
}

absl::Status Describe(const Predictor& predictor, const SegmentsQuestion& question,
                      const Clusters& clusters, Description& to) {
  VEILSUM_ASSIGN_OR_RETURN(RowBatches batch,
                           RowBatches::Open(predictor, question.data, CustomersPart::kAll));
  std::optional<PrivateLines> lines;
  if (!question.out.empty()) {
    VEILSUM_ASSIGN_OR_RETURN(PrivateLines created, PrivateLines::Create(question.out));
    lines.emplace(std::move(created));
    VEILSUM_RETURN_IF_ERROR(
        lines->Append(CsvField(predictor.plan().unit.column) + ",line,segment,distance\n"));
  }
  while (true) {
    VEILSUM_ASSIGN_OR_RETURN(const bool more, batch.Next());
    if (!more) return lines ? lines->Finish() : absl::OkStatus();
    VEILSUM_RETURN_IF_ERROR(
        DescribeBatch(predictor, batch, clusters, to, lines ? &*lines : nullptr));
  }
}

// The release's own centres: nothing is searched for.
absl::StatusOr<Segments> JoinSegments(const Predictor& predictor,
                                      const SegmentsQuestion& question) {
  if (!question.search.empty() || question.k != 0)
    return InvalidArgument(
        "%s: the release has %d segments, the same for every merchant; none are looked for",
        question.search.empty() ? "k" : question.search, predictor.plan().label.segments);
  const release::Release& release = predictor.release();
  Clusters clusters{WidthOf(predictor), model::CentresOf(release.layout, release.model), {}, 0};
  Segments out;
  out.joint = true;
  out.width = clusters.width;
  Description description(predictor, clusters.count());
  VEILSUM_RETURN_IF_ERROR(Describe(predictor, question, clusters, description));
  if (description.rows() == 0) return InvalidArgument("%s: there are no rows", question.data);
  out.rows = description.rows();
  out.mean_squared_distance = description.mean_squared_distance();
  out.segments = std::move(description).Segments(question.traits);
  const std::vector<double> shares = model::SharesOf(release.layout, release.model);
  for (std::size_t k = 0; k < shares.size(); ++k) out.segments[k].stated_share = shares[k];
  return out;
}

}  // namespace

absl::StatusOr<Segments> FindSegments(const Predictor& predictor,
                                      const SegmentsQuestion& question) {
  VEILSUM_RETURN_IF_ERROR(CheckQuestion(question));
  if (IsJoint(predictor)) return JoinSegments(predictor, question);
  if (predictor.release().layout.layers().size() < 2)
    return FailedPrecondition("segments are of models with a hidden layer");
  Segments out;
  out.width = WidthOf(predictor);
  VEILSUM_ASSIGN_OR_RETURN(const std::vector<float> vectors,
                           SampleVectors(predictor, question, out.rows));
  out.sampled = vectors.size() / out.width;
  VEILSUM_ASSIGN_OR_RETURN(const Clusters clusters,
                           ChooseClusters(vectors, out.width, question, out.tried));
  Description description(predictor, clusters.count());
  VEILSUM_RETURN_IF_ERROR(Describe(predictor, question, clusters, description));
  if (description.rows() != out.rows)
    return InvalidArgument("%s: it had %d rows and then %d", question.data, out.rows,
                           description.rows());
  out.segments = std::move(description).Segments(question.traits);
  return out;
}

}  // namespace veilsum::client
