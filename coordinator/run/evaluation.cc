#include "coordinator/run/evaluation.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "dp/mechanism/private_auc.h"

namespace veilsum::coordinator {
namespace {

static_assert(std::endian::native == std::endian::little, "cells are stored as they are");

// The standard deviation of the noise in each cell. NotFound without an evaluation.
absl::StatusOr<double> SigmaOf(const RunTerms& terms, const EvaluationSum& sum) {
  const auto spec =
      std::ranges::find(terms.contract().sums, model::kEvaluation, &model::SumSpec::purpose);
  if (spec == terms.contract().sums.end()) return NotFound("the contract has no evaluation");
  // Every survivor has added its share, whatever the contract's minimum was.
  return std::stod(spec->share_sigma) * std::sqrt(static_cast<double>(sum.survivors));
}

void Show(const dp::PrivateFigure& figure, admin::v1::Figure& shown) {
  shown.set_value(figure.value);
  shown.set_low(figure.low);
  shown.set_high(figure.high);
}

void ShowGroup(const absl::StatusOr<dp::PrivateGroup>& group, admin::v1::EvaluationGroup& shown) {
  if (!group.ok()) {
    shown.set_unusable(std::string(group.status().message()));
    return;
  }
  Show(group->auc, *shown.mutable_roc_auc());
  Show(group->selected, *shown.mutable_selected());
  Show(group->true_positives, *shown.mutable_true_positives());
  Show(group->false_positives, *shown.mutable_false_positives());
  shown.set_positives(group->positives);
  shown.set_negatives(group->negatives);
}

void ShowGroups(const model::Plan& plan, const EvaluationSum& sum, double sigma,
                admin::v1::Evaluation& out) {
  const std::vector<std::string>& names = plan.evaluation->groups;
  if (names.empty()) return;
  const dp::ScoreHistogramGrid grid = model::EvaluationBins(plan);
  for (std::uint32_t g = 0; g < grid.groups; ++g) {
    admin::v1::EvaluationGroup& shown = *out.add_groups();
    shown.set_name(g < names.size() ? names[g] : model::kOtherGroup);
    ShowGroup(dp::GroupOfHistograms(grid, g, sum.cells, sigma), shown);
  }
}

void ShowHistogram(const dp::ScoreHistogram& histogram, admin::v1::ScoreHistogram& shown) {
  shown.set_bins(histogram.grid.bins);
  shown.set_scale_log2(static_cast<std::uint32_t>(histogram.grid.scale_log2));
  shown.set_noise_sigma(histogram.noise_sigma);
  shown.mutable_cells()->Assign(histogram.cells.begin(), histogram.cells.end());
}

}  // namespace

Bytes EncodeEvaluation(const EvaluationSum& sum) {
  Bytes out(sizeof(sum.survivors) + sum.cells.size() * sizeof(std::int64_t));
  std::memcpy(out.data(), &sum.survivors, sizeof(sum.survivors));
  std::memcpy(out.data() + sizeof(sum.survivors), sum.cells.data(),
              sum.cells.size() * sizeof(std::int64_t));
  return out;
}

absl::StatusOr<EvaluationSum> DecodeEvaluation(ByteView bytes, std::size_t cells) {
  EvaluationSum sum;
  if (bytes.size() != sizeof(sum.survivors) + cells * sizeof(std::int64_t))
    return InvalidArgument("stored evaluation has %d bytes, must have %d cells", bytes.size(),
                           cells);
  std::memcpy(&sum.survivors, bytes.data(), sizeof(sum.survivors));
  sum.cells.resize(cells);
  std::memcpy(sum.cells.data(), bytes.data() + sizeof(sum.survivors), cells * sizeof(std::int64_t));
  return sum;
}

admin::v1::Evaluation EvaluationOf(const RunTerms& terms, const EvaluationSum& sum,
                                   std::uint64_t step, const Hash32& model_hash) {
  admin::v1::Evaluation out;
  out.set_step(step);
  out.set_model_hash(std::string(AsText(model_hash)));
  out.set_survivors(sum.survivors);
  const absl::StatusOr<double> sigma = SigmaOf(terms, sum);
  if (!sigma.ok()) {
    out.set_unusable(std::string(sigma.status().message()));
    return out;
  }
  ShowGroups(terms.plan(), sum, *sigma, out);
  const absl::StatusOr<dp::PrivateAuc> auc =
      dp::AucOfHistograms(model::EvaluationBins(terms.plan()), sum.cells, *sigma);
  if (!auc.ok()) {
    out.set_unusable(std::string(auc.status().message()));
    return out;
  }
  const absl::StatusOr<dp::ScoreHistogram> histogram =
      dp::WithoutGroups({model::EvaluationBins(terms.plan()), *sigma, sum.cells});
  if (histogram.ok()) ShowHistogram(*histogram, *out.mutable_score_histogram());
  out.set_roc_auc(auc->auc);
  out.set_low(auc->low);
  out.set_high(auc->high);
  out.set_standard_error(auc->standard_error);
  out.set_noise_error(auc->noise_error);
  out.set_positives(auc->positives);
  out.set_negatives(auc->negatives);
  Show(auc->accuracy, *out.mutable_accuracy());
  Show(auc->log_loss, *out.mutable_log_loss());
  for (const dp::ReliabilityBin& bin : auc->calibration) {
    admin::v1::ReliabilityBin& shown = *out.add_calibration();
    shown.set_predicted(bin.predicted);
    shown.set_observed(bin.observed);
    shown.set_error(bin.error);
    shown.set_customers(bin.customers);
  }
  return out;
}

}  // namespace veilsum::coordinator
