#include "client/train/score_histogram.h"

#include <algorithm>
#include <cmath>

#include "dp/mechanism/private_auc.h"
#include "model/mlp.h"

namespace veilsum::client {
namespace {

constexpr std::size_t kPaddingRows = 64;

absl::Status CheckGroups(const model::Examples& holdout, const ScoreHistogramShape& shape) {
  if (shape.groups < 1 || shape.groups > dp::kMaxScoreGroups)
    return InvalidArgument("groups is %d, must be from 1 to %d", shape.groups, dp::kMaxScoreGroups);
  if (shape.groups == 1) return absl::OkStatus();
  if (holdout.groups.size() != holdout.customers())
    return InvalidArgument("the hold-out has groups of %d customers, must have them of %d",
                           holdout.groups.size(), holdout.customers());
  for (const std::uint32_t group : holdout.groups)
    if (group >= shape.groups)
      return InvalidArgument("a customer is in group %d, must be below %d", group, shape.groups);
  return absl::OkStatus();
}

absl::Status Check(const model::Layout& layout, const ScoreHistogramShape& shape) {
  if (shape.bins < 2 || shape.bins > 4096)
    return InvalidArgument("bins is %d, must be from 2 to 4096", shape.bins);
  if (shape.scale_log2 < 0 || shape.scale_log2 > 40)
    return InvalidArgument("scale_log2 is %d, must be from 0 to 40", shape.scale_log2);
  if (shape.outputs == 0 || layout.outputs() != shape.outputs)
    return InvalidArgument("the model has %d outputs, private evaluation is for %d",
                           layout.outputs(), shape.outputs);
  return absl::OkStatus();
}

// The bin of a logit's probability. `logit` is finite.
std::size_t BinOf(float logit, std::uint32_t bins) {
  return dp::ScoreBin(1 / (1 + std::exp(-static_cast<double>(logit))), bins);
}

// Rows like those of `examples` and of no customer.
model::Examples EmptyRows(const model::Layout& layout, const model::Examples& examples) {
  model::Examples rows;
  rows.numeric = examples.numeric;
  rows.categorical = examples.categorical;
  rows.numeric_values.resize(kPaddingRows * static_cast<std::size_t>(rows.numeric));
  rows.active_inputs.assign(kPaddingRows * static_cast<std::size_t>(rows.categorical),
                            static_cast<std::uint32_t>(layout.dense_inputs()));
  rows.labels.resize(kPaddingRows);
  for (const model::IdList& list : examples.lists)
    rows.lists.push_back({list.buckets, list.slots,
                          std::vector<std::uint32_t>(kPaddingRows * list.slots),
                          std::vector<float>(kPaddingRows * list.slots)});
  return rows;
}

// DP-06: as many rows are scored for a small hold-out as for one of the declared class.
absl::Status ScorePadding(const model::Layout& layout, const model::ModelVector& model,
                          const model::Examples& holdout, std::uint64_t padded_rows) {
  if (holdout.rows() >= padded_rows) return absl::OkStatus();
  const model::Examples empty = EmptyRows(layout, holdout);
  for (std::uint64_t done = holdout.rows(); done < padded_rows; done += kPaddingRows)
    VEILSUM_RETURN_IF_ERROR(model::Logits(layout, model, empty).status());
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<std::int64_t>> ScoreHistograms(const model::Layout& layout,
                                                          const model::ModelVector& model,
                                                          const model::Examples& holdout,
                                                          const ScoreHistogramShape& shape) {
  VEILSUM_RETURN_IF_ERROR(Check(layout, shape));
  VEILSUM_RETURN_IF_ERROR(CheckGroups(holdout, shape));
  VEILSUM_ASSIGN_OR_RETURN(const std::vector<float> outputs, model::Logits(layout, model, holdout));
  VEILSUM_RETURN_IF_ERROR(ScorePadding(layout, model, holdout, shape.padded_rows));
  std::vector<float> logits(holdout.rows());
  for (std::size_t row = 0; row < logits.size(); ++row) logits[row] = outputs[row * shape.outputs];
  const std::int64_t points = std::int64_t{1} << shape.scale_log2;
  const std::size_t histogram = 2 * std::size_t{shape.bins};
  std::vector<std::int64_t> cells(histogram * shape.groups);
  for (std::size_t u = 0; u < holdout.customers(); ++u) {
    const std::size_t first = holdout.first_row[u], last = holdout.first_row[u + 1];
    const auto usable = [&](std::size_t row) {
      return std::isfinite(logits[row]) && std::isfinite(holdout.labels[row]);
    };
    bool all = first < last;
    for (std::size_t row = first; row < last; ++row) all &= usable(row);
    if (!all) continue;
    std::int64_t* const mine =
        cells.data() + (shape.groups == 1 ? 0 : holdout.groups[u] * histogram);
    const std::int64_t each = points / static_cast<std::int64_t>(last - first);
    for (std::size_t row = first; row < last; ++row)
      mine[(holdout.labels[row] > 0.5f ? shape.bins : 0) + BinOf(logits[row], shape.bins)] += each;
  }
  return cells;
}

absl::StatusOr<dp::ClippedSum> ScoreHistogramSum(const model::Layout& layout,
                                                 const model::ModelVector& model,
                                                 const model::Examples& holdout,
                                                 const ScoreHistogramShape& shape) {
  VEILSUM_ASSIGN_OR_RETURN(std::vector<std::int64_t> cells,
                           ScoreHistograms(layout, model, holdout, shape));
  return dp::ClippedSum::FromCertifiedContributions(std::move(cells));
}

}  // namespace veilsum::client
