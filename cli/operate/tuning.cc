#include "cli/operate/tuning.h"

#include <algorithm>
#include <map>

#include "base/uniform.h"
#include "dp/mechanism/selected_run.h"
#include "model/contract/privacy_terms.h"
#include "model/plan/plan_format.h"

namespace veilsum::cli {
namespace {

// The customers of a plan and what is asked about them, as text that must be the same in all.
std::string CustomersOf(const model::Plan& plan) {
  model::Plan same;
  same.unit = plan.unit;
  same.holdout = plan.holdout;
  same.tables = plan.tables;
  same.label = plan.label;
  return model::PlanToJson(same);
}

absl::StatusOr<dp::VerifiedRun> Verified(const model::Plan& plan, const std::string& contract) {
  VEILSUM_ASSIGN_OR_RETURN(const model::RunContract parsed, model::ContractFromJson(contract));
  VEILSUM_ASSIGN_OR_RETURN(model::CheckedPrivacy privacy, model::CheckPrivacy(plan, parsed));
  return dp::VerifiedRun{std::move(privacy.input), privacy.noise};
}

// The claims, from the contracts of the runs. A candidate that no coin chose has none: it counts as
// the coordinator would have calibrated it for the same members.
absl::Status AddClaims(const std::vector<model::Plan>& candidates, const dp::RepeatRule& rule,
                       Tuned& tuned) {
  std::map<std::string, dp::VerifiedRun> different;  // by contract
  std::vector<dp::VerifiedRun> runs, all;
  for (std::size_t i = 0; i < tuned.runs.size(); ++i) {
    const std::string& contract = tuned.runs[i].contract;
    if (!different.contains(contract)) {
      VEILSUM_ASSIGN_OR_RETURN(dp::VerifiedRun run,
                               Verified(candidates[tuned.candidate[i]], contract));
      all.push_back(different.emplace(contract, std::move(run)).first->second);
    }
    runs.push_back(different.at(contract));
  }
  VEILSUM_ASSIGN_OR_RETURN(tuned.epsilon_all, dp::EpsilonOfRuns(runs));
  const model::RunContract first = model::ContractFromJson(tuned.runs.front().contract).value();
  for (std::size_t c = 0; c < candidates.size(); ++c) {
    if (std::ranges::count(tuned.candidate, c) > 0) continue;
    model::RunContract contract = first;
    VEILSUM_ASSIGN_OR_RETURN(const dp::RunPrivacy privacy,
                             model::CalibrateCohorts(candidates[c], contract));
    contract.sums = model::SumsOf(candidates[c], privacy);
    VEILSUM_ASSIGN_OR_RETURN(model::CheckedPrivacy checked,
                             model::CheckPrivacy(candidates[c], contract));
    all.push_back({std::move(checked.input), checked.noise});
  }
  VEILSUM_ASSIGN_OR_RETURN(tuned.epsilon_selected, dp::EpsilonOfSelection(all, rule));
  tuned.expected_runs = dp::ExpectedRuns(rule);
  tuned.delta = candidates.front().privacy.delta.ToDouble();
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckCandidates(const std::vector<model::Plan>& candidates) {
  if (candidates.empty()) return InvalidArgument("tuning needs at least one plan");
  const model::Plan& first = candidates.front();
  for (const model::Plan& plan : candidates) {
    VEILSUM_RETURN_IF_ERROR(model::CheckRunnable(plan));
    if (!plan.is_private())
      return InvalidArgument("plan %s: privacy.mechanism is \"none\", tuning charges for each run",
                             plan.name);
    if (!plan.evaluation)
      return InvalidArgument("plan %s: has no [evaluation], by whose ROC-AUC the best is chosen",
                             plan.name);
    if (plan.privacy.epsilon != first.privacy.epsilon || plan.privacy.delta != first.privacy.delta)
      return InvalidArgument("plan %s: privacy.epsilon and delta must be those of plan %s",
                             plan.name, first.name);
    if (CustomersOf(plan) != CustomersOf(first))
      return InvalidArgument("plan %s: unit, holdout, table and label must be those of plan %s",
                             plan.name, first.name);
  }
  return absl::OkStatus();
}

std::vector<std::size_t> DrawRuns(std::size_t candidates, const dp::RepeatCount& count,
                                  SecureRng& rng) {
  std::vector<std::size_t> drawn(count.Draw(rng));
  for (std::size_t& candidate : drawn) candidate = UniformBelow(candidates, rng);
  return drawn;
}

absl::StatusOr<Tuned> Tune(const std::vector<model::Plan>& candidates, const dp::RepeatCount& count,
                           TuningRuns& runs, SecureRng& rng) {
  VEILSUM_RETURN_IF_ERROR(CheckCandidates(candidates));
  const std::vector<std::size_t> drawn = DrawRuns(candidates.size(), count, rng);
  Tuned tuned;
  std::optional<double> best;
  for (std::size_t i = 0; i < drawn.size(); ++i) {
    absl::StatusOr<TuningRuns::Done> done = runs.Run(candidates[drawn[i]]);
    if (!done.ok())
      return Annotate(done.status(),
                      absl::StrFormat("run %d of %d; nothing is selected, what ran is spent", i + 1,
                                      drawn.size()));
    if (done->roc_auc && (!best || *done->roc_auc > *best)) {
      if (best) tuned.runs[tuned.best].model = {};
      best = done->roc_auc;
      tuned.best = i;
    } else {
      done->model = {};
    }
    tuned.runs.push_back(*std::move(done));
    tuned.candidate.push_back(drawn[i]);
  }
  if (!best) return FailedPrecondition("no run has a private ROC-AUC: noise hides the hold-outs");
  VEILSUM_RETURN_IF_ERROR(AddClaims(candidates, count.rule(), tuned));
  return tuned;
}

}  // namespace veilsum::cli
