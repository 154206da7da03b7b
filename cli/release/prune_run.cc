#include "cli/release/prune_run.h"

#include <chrono>

#include "client/data/dataset.h"
#include "client/data/manifest.h"
#include "model/contract/privacy_terms.h"
#include "model/mlp.h"
#include "model/plan/plan_format.h"
#include "model/prune.h"
#include "model/quality.h"

namespace veilsum::cli {
namespace {

using Holdouts = std::vector<model::Examples>;

absl::StatusOr<Holdouts> LoadHoldouts(const model::Plan& plan, const std::filesystem::path& data) {
  VEILSUM_ASSIGN_OR_RETURN(const client::Manifest manifest, client::ReadManifest(data));
  VEILSUM_ASSIGN_OR_RETURN(const std::vector<client::Seat> seats,
                           client::SeatsOf(data, manifest, plan.pools));
  Holdouts out;
  for (const client::Seat& seat : seats) {
    VEILSUM_ASSIGN_OR_RETURN(client::Dataset merchant, client::LoadDataset(plan, seat.folders));
    out.push_back(std::move(merchant.holdout));
  }
  return out;
}

struct Measured {
  std::vector<float> outputs;
  double seconds = 0;
};

absl::StatusOr<Measured> Measure(const model::Layout& layout, const model::ModelVector& model,
                                 const Holdouts& holdouts) {
  Measured out;
  const auto start = std::chrono::steady_clock::now();
  for (const model::Examples& rows : holdouts) {
    VEILSUM_ASSIGN_OR_RETURN(const std::vector<float> outputs, model::Logits(layout, model, rows));
    out.outputs.insert(out.outputs.end(), outputs.begin(), outputs.end());
  }
  out.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return out;
}

absl::StatusOr<double> AucOf(const model::Plan& plan, const std::vector<float>& outputs,
                             const std::vector<float>& labels) {
  VEILSUM_ASSIGN_OR_RETURN(const model::Quality quality, model::Evaluate(plan, outputs, labels));
  if (!quality.roc_auc) return FailedPrecondition("these hold-outs have no ROC-AUC");
  return *quality.roc_auc;
}

// Both models in turn, the faster of several passes of each, so that other work on the machine
// weighs little.
absl::Status Compare(const model::Layout& layout, const model::ModelVector& model,
                     const model::PrunedModel& less, const model::Plan& plan,
                     const Holdouts& holdouts, PruneReport& report) {
  constexpr int kPasses = 7;
  std::vector<float> labels;
  for (const model::Examples& rows : holdouts)
    labels.insert(labels.end(), rows.labels.begin(), rows.labels.end());
  Measured before, after;
  for (int pass = 0; pass < kPasses; ++pass) {
    VEILSUM_ASSIGN_OR_RETURN(Measured one, Measure(layout, model, holdouts));
    VEILSUM_ASSIGN_OR_RETURN(Measured two, Measure(less.layout, less.model, holdouts));
    if (pass == 0 || one.seconds < before.seconds) before = std::move(one);
    if (pass == 0 || two.seconds < after.seconds) after = std::move(two);
  }
  report.rows = labels.size();
  VEILSUM_ASSIGN_OR_RETURN(report.auc_before, AucOf(plan, before.outputs, labels));
  VEILSUM_ASSIGN_OR_RETURN(report.auc_after, AucOf(plan, after.outputs, labels));
  report.size_ratio = static_cast<double>(less.layout.size()) / static_cast<double>(layout.size());
  report.time_ratio = after.seconds / before.seconds;
  return absl::OkStatus();
}

std::string Units(const std::vector<std::size_t>& hidden) {
  std::string out;
  for (const std::size_t units : hidden) out += (out.empty() ? "" : ",") + std::to_string(units);
  return out;
}

absl::Status CheckLoss(const PruneReport& report, double limit) {
  const double loss = report.auc_before - report.auc_after;
  if (loss <= limit) return absl::OkStatus();
  return FailedPrecondition("%s: that is a loss of %.4f, at most %g is allowed", report.ToText(),
                            loss, limit);
}

}  // namespace

std::string PruneReport::ToText() const {
  return absl::StrFormat(
      "hidden %s of %s: size %.2f, time %.2f of the whole model's; ROC-AUC %.4f of %.4f on %d rows",
      Units(after), Units(before), size_ratio, time_ratio, auc_after, auc_before, rows);
}

absl::StatusOr<PruneReport> PruneRun(const PruneRequest& request, release::ReleaseInput& input) {
  if (!(request.max_auc_loss >= 0 && request.max_auc_loss <= 1))
    return InvalidArgument("max-auc-loss is %g, must be 0 to 1", request.max_auc_loss);
  const model::Layout layout = model::LayoutOf(input.plan);
  VEILSUM_ASSIGN_OR_RETURN(model::PrunedModel less,
                           model::PruneUnits(layout, input.model, request.keep, nullptr));
  VEILSUM_ASSIGN_OR_RETURN(const Holdouts holdouts, LoadHoldouts(input.plan, request.data));
  PruneReport report{input.plan.network.hidden, less.hidden};
  VEILSUM_RETURN_IF_ERROR(Compare(layout, input.model, less, input.plan, holdouts, report));
  VEILSUM_RETURN_IF_ERROR(CheckLoss(report, request.max_auc_loss));
  // The run's figures are of the whole model.
  input.metrics = Json::object();
  input.metrics["pruned_from_model"] = HexEncode(model::ModelHash(input.model));
  input.metrics["pruned_from_plan"] = HexEncode(model::PlanSha256(input.plan));
  input.plan.network.hidden = less.hidden;
  input.model = std::move(less.model);
  return report;
}

}  // namespace veilsum::cli
