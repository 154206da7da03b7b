// What an operator does with the present rollout of a folder. Whatever was begun before a crash is
// finished first: the ledger is told, the director acts. Then comes what is asked for.
#pragma once

#include <functional>
#include <optional>

#include "cli/rollout/rollout_folder.h"
#include "coordinator/rollout/client_report.h"
#include "coordinator/rollout/conductor.h"
#include "model/release/package.h"

namespace veilsum::cli {

// The coordinator's ledger and approvals. Each may be called again.
struct RolloutLedger {
  std::function<absl::Status(const release::Release& release)> publish;
  std::function<absl::Status(const coordinator::RolloutSpec& spec,
                             const coordinator::Transition& transition)>
      record;
  // As the caller: that the release becomes stable on the rollout, or, without one, is revoked. All
  // that have approved it so far.
  std::function<absl::StatusOr<std::vector<std::string>>(const std::string& digest,
                                                         const std::string& rollout_id)>
      approve;
};

struct StartRequest {
  std::string rollout_id;            // empty: of the release
  std::vector<std::string> clients;  // SPIFFE IDs; none: those of the rollout before
  coordinator::Seconds shadow = 24 * 3600;
  std::vector<coordinator::CanaryStep> steps;
  bool serving_gates = false, veto_gate = false;
  std::set<coordinator::EvaluationGate> evaluation_gates;
};

class RolloutDesk {
 public:
  // `who`: the operator's SPIFFE ID. PermissionDenied: of another federation than the folder.
  // Errors of RolloutFolder::Lock, RolloutKeys and Repository.
  static absl::StatusOr<std::unique_ptr<RolloutDesk>> Open(const std::filesystem::path& folder,
                                                           const RolloutKeyFiles& keys,
                                                           std::string who, RolloutLedger ledger);

  // Publishes the package, in the ledger first, and begins. The same again goes on where it was.
  // FailedPrecondition: another rollout is under way. InvalidArgument: a release that a client
  // would refuse, of another model, or no clients. Errors of Repository::Publish.
  absl::Status Start(const release::Files& package, const StartRequest& request);
  // One look at what clients have reported. `patience`: waits for those that are to have the
  // release and have not said what became of it.
  absl::Status Look(std::chrono::seconds patience);
  absl::Status Approve();
  absl::Status Revoke(const std::string& reason);
  // OK without effect where it is so already.
  absl::Status Pause();
  absl::Status Resume();
  absl::Status RollBack();
  // Renews what is past half of its life: to be called from a timer, several times a day.
  absl::Status Refresh();

  // Null before there is one.
  const coordinator::Rollout* rollout() const {
    return conductor_ ? &conductor_->rollout() : nullptr;
  }

 private:
  RolloutDesk(RolloutFolder folder, FileLock lock, std::unique_ptr<RolloutKeys> keys,
              rollout::Repository repository, std::string who, RolloutLedger ledger);
  absl::Status OpenConductor(const StartedRollout& started);
  absl::Status Settle();
  absl::Status Do(coordinator::RolloutEvent event);
  absl::StatusOr<coordinator::RolloutSpec> SpecOf(const release::Release& release,
                                                  const StartRequest& request) const;
  absl::StatusOr<StartedRollout> Numbered(const std::string& rollout_id,
                                          const StartRequest& request) const;
  std::set<std::string> Holders() const;  // clients that the director gives the release
  absl::Status AwaitReports(std::chrono::seconds patience) const;
  absl::StatusOr<std::vector<coordinator::GateResult>> Gates() const;
  absl::StatusOr<std::vector<coordinator::GateResult>> GatesOfReports() const;
  // What private evaluation said of a release of the folder.
  absl::StatusOr<dp::ScoreHistogram> HistogramOf(const std::string& digest) const;
  absl::StatusOr<release::Release> OwnCheck(const release::Files& package) const;

  const RolloutFolder folder_;
  const FileLock lock_;
  const std::unique_ptr<RolloutKeys> keys_;
  rollout::Repository repository_;
  const std::string who_;
  const RolloutLedger ledger_;
  SystemRng rng_;
  std::optional<StartedRollout> started_;
  std::optional<coordinator::RolloutConductor> conductor_;
};

}  // namespace veilsum::cli
