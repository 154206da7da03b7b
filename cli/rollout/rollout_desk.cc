#include "cli/rollout/rollout_desk.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "base/pki/spiffe_id.h"
#include "cli/rollout/veto_tally.h"
#include "client/release/model_store.h"
#include "model/release/score_histogram.h"

namespace veilsum::cli {
namespace {

using coordinator::Rollout;
using coordinator::ServingCounters;
using coordinator::Stage;
using rollout::Seconds;

constexpr std::uint64_t kTerm = 1;  // one folder has one lock

Seconds Now() { return std::chrono::system_clock::to_time_t(std::chrono::system_clock::now()); }

bool IsOver(Stage stage) { return stage == Stage::kRolledBack || stage == Stage::kRevoked; }

// Of our own check, which a package that it is asked about has passed.
std::vector<coordinator::GateResult> OwnGates() {
  ServingCounters own;
  own.installed = 1;
  return {coordinator::IntegrityGate(own), coordinator::NumericGate(own)};
}

// A folder is of the federation that its root names, and of no other.
absl::Status CheckFederation(const std::filesystem::path& folder,
                             const rollout::Repository& repository, const std::string& who) {
  VEILSUM_ASSIGN_OR_RETURN(const SpiffeId id, SpiffeId::Parse(who));
  const std::string& owner = repository.root().federation_id;
  if (id.domain() == owner) return absl::OkStatus();
  return PermissionDenied("%s has the rollouts of federation %s, you are an operator of %s",
                          folder.string(), owner, id.domain());
}

}  // namespace

RolloutDesk::RolloutDesk(RolloutFolder folder, FileLock lock, std::unique_ptr<RolloutKeys> keys,
                         rollout::Repository repository, std::string who, RolloutLedger ledger)
    : folder_(std::move(folder)),
      lock_(std::move(lock)),
      keys_(std::move(keys)),
      repository_(std::move(repository)),
      who_(std::move(who)),
      ledger_(std::move(ledger)) {}

absl::StatusOr<std::unique_ptr<RolloutDesk>> RolloutDesk::Open(const std::filesystem::path& folder,
                                                               const RolloutKeyFiles& keys,
                                                               std::string who,
                                                               RolloutLedger ledger) {
  VEILSUM_ASSIGN_OR_RETURN(rollout::Repository repository, rollout::Repository::Open(folder));
  VEILSUM_RETURN_IF_ERROR(CheckFederation(folder, repository, who));
  VEILSUM_ASSIGN_OR_RETURN(FileLock lock, RolloutFolder(folder).Lock());
  VEILSUM_ASSIGN_OR_RETURN(std::unique_ptr<RolloutKeys> signers, RolloutKeys::Read(keys));
  std::unique_ptr<RolloutDesk> desk(new RolloutDesk(RolloutFolder(folder), std::move(lock),
                                                    std::move(signers), std::move(repository),
                                                    std::move(who), std::move(ledger)));
  const absl::StatusOr<StartedRollout> present = desk->folder_.Present();
  if (absl::IsNotFound(present.status())) return desk;
  VEILSUM_RETURN_IF_ERROR(present.status());
  VEILSUM_RETURN_IF_ERROR(desk->OpenConductor(*present));
  return desk;
}

absl::Status RolloutDesk::OpenConductor(const StartedRollout& started) {
  coordinator::ConductorParts parts;
  parts.folder = folder_.PlaceOf(started.rollout_id);
  for (const std::string& client : started.clients) parts.clients.push_back({client, false});
  parts.repository = &repository_;
  parts.signers = &keys_->signers();
  parts.record = ledger_.record;
  VEILSUM_ASSIGN_OR_RETURN(coordinator::RolloutConductor conductor,
                           coordinator::RolloutConductor::Open(std::move(parts)));
  conductor_.emplace(std::move(conductor));
  started_ = started;
  return absl::OkStatus();
}

absl::Status RolloutDesk::Settle() {
  if (!conductor_) return NotFound("%s has no rollout", folder_.path().string());
  return conductor_->Settle(Now());
}

absl::Status RolloutDesk::Do(coordinator::RolloutEvent event) {
  std::array<std::uint8_t, 16> id;
  rng_.Fill(id);
  std::visit(
      [&](coordinator::EventHead& head) {
        head = {HexEncode(ByteView(id)), kTerm, Now()};
      },
      event);
  return conductor_->Do(event);
}

absl::StatusOr<release::Release> RolloutDesk::OwnCheck(const release::Files& package) const {
  return client::OpenByAnyKey(package, repository_.root());
}

absl::StatusOr<coordinator::RolloutSpec> RolloutDesk::SpecOf(const release::Release& release,
                                                             const StartRequest& request) const {
  coordinator::RolloutSpec spec;
  spec.rollout_id = request.rollout_id;
  spec.model_id = release.manifest.model_id;
  spec.digest = HexEncode(release.digest);
  spec.shadow = request.shadow;
  spec.steps = request.steps;
  if (!conductor_) return spec;
  const Rollout& before = conductor_->rollout();
  if (before.spec.model_id != spec.model_id)
    return InvalidArgument("the release is of %s, this folder's rollouts are of %s", spec.model_id,
                           before.spec.model_id);
  spec.baseline = before.stage == Stage::kStable ? before.spec.digest : before.spec.baseline;
  if (repository_.targets().IsRevoked(spec.baseline)) spec.baseline.clear();
  return spec;
}

absl::StatusOr<StartedRollout> RolloutDesk::Numbered(const std::string& rollout_id,
                                                     const StartRequest& request) const {
  StartedRollout out{1,
                     rollout_id,
                     request.clients,
                     request.serving_gates,
                     request.veto_gate,
                     request.evaluation_gates};
  VEILSUM_ASSIGN_OR_RETURN(const std::vector<StartedRollout> all, folder_.List());
  for (const StartedRollout& other : all) {
    if (other.rollout_id == rollout_id)
      return AlreadyExists("rollout %s is over; give --rollout another name", rollout_id);
    out.number = other.number + 1;
    if (request.clients.empty()) out.clients = other.clients;
  }
  std::ranges::sort(out.clients);
  out.clients.erase(std::ranges::unique(out.clients).begin(), out.clients.end());
  if (out.clients.empty()) return InvalidArgument("a first rollout needs clients");
  return out;
}

absl::Status RolloutDesk::Start(const release::Files& package, const StartRequest& wanted) {
  VEILSUM_ASSIGN_OR_RETURN(const release::Release release, OwnCheck(package));
  StartRequest request = wanted;
  if (request.rollout_id.empty())
    request.rollout_id = release.manifest.model_id + "-" + release.manifest.version;
  const std::string digest = HexEncode(release.digest);
  const bool again = conductor_ && conductor_->rollout().spec.rollout_id == request.rollout_id;
  if (again && conductor_->rollout().spec.digest != digest)
    return AlreadyExists("rollout %s is of release %s; give --rollout another name",
                         request.rollout_id, conductor_->rollout().spec.digest);
  if (conductor_ && !again) {
    VEILSUM_RETURN_IF_ERROR(Settle());
    const Rollout& before = conductor_->rollout();
    if (before.stage != Stage::kStable && !IsOver(before.stage))
      return FailedPrecondition("rollout %s is %s: roll it back, or let it become stable",
                                before.spec.rollout_id, StageName(before.stage));
  }
  if (!again) {
    VEILSUM_ASSIGN_OR_RETURN(const coordinator::RolloutSpec spec, SpecOf(release, request));
    VEILSUM_ASSIGN_OR_RETURN(const StartedRollout started, Numbered(request.rollout_id, request));
    VEILSUM_RETURN_IF_ERROR(ledger_.publish(release));
    if (repository_.targets().Find(digest) == nullptr)
      VEILSUM_RETURN_IF_ERROR(repository_.Publish(package, keys_->signers(), Now()));
    VEILSUM_RETURN_IF_ERROR(folder_.Save(started));
    coordinator::ConductorParts parts;
    parts.folder = folder_.PlaceOf(started.rollout_id);
    VEILSUM_RETURN_IF_ERROR(coordinator::RolloutConductor::Begin(std::move(parts), spec).status());
    VEILSUM_RETURN_IF_ERROR(OpenConductor(started));
  }
  VEILSUM_RETURN_IF_ERROR(Settle());
  if (conductor_->rollout().stage != Stage::kDraft) return absl::OkStatus();
  coordinator::Validated validated;
  validated.gates = OwnGates();
  return Do(validated);
}

std::set<std::string> RolloutDesk::Holders() const {
  std::set<std::string> out;
  for (const std::string& client : started_->clients) {
    const absl::StatusOr<rollout::Director> says = repository_.AssignedTo(client);
    if (says.ok() && says->digest == conductor_->rollout().spec.digest) out.insert(client);
  }
  return out;
}

absl::Status RolloutDesk::AwaitReports(std::chrono::seconds patience) const {
  const std::set<std::string> holders = Holders();
  const auto deadline = std::chrono::steady_clock::now() + patience;
  for (;;) {
    VEILSUM_ASSIGN_OR_RETURN(const auto reports, coordinator::LoadReports(folder_.path()));
    const bool all = std::ranges::all_of(holders, [&](const std::string& client) {
      const auto found = reports.find(client);
      return found != reports.end() &&
             coordinator::HasAnswered(found->second, conductor_->rollout().spec.digest);
    });
    if (all || std::chrono::steady_clock::now() >= deadline) return absl::OkStatus();
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
  }
}

absl::StatusOr<dp::ScoreHistogram> RolloutDesk::HistogramOf(const std::string& digest) const {
  VEILSUM_ASSIGN_OR_RETURN(const release::Files package,
                           release::ReadPackage(folder_.path() / "packages" / digest));
  VEILSUM_ASSIGN_OR_RETURN(const release::Release release, OwnCheck(package));
  return release::ScoreHistogramOf(release.metrics);
}

absl::StatusOr<std::vector<coordinator::GateResult>> RolloutDesk::Gates() const {
  const Rollout& r = conductor_->rollout();
  std::vector<coordinator::GateResult> gates = OwnGates();
  if (r.stage != Stage::kShadow) {
    VEILSUM_ASSIGN_OR_RETURN(gates, GatesOfReports());
  }
  if (r.spec.baseline.empty() || started_->evaluation_gates.empty()) return gates;
  std::ranges::move(
      coordinator::EvaluationGates(started_->evaluation_gates, HistogramOf(r.spec.digest),
                                   HistogramOf(r.spec.baseline), {}),
      std::back_inserter(gates));
  return gates;
}

absl::StatusOr<std::vector<coordinator::GateResult>> RolloutDesk::GatesOfReports() const {
  const Rollout& r = conductor_->rollout();
  VEILSUM_ASSIGN_OR_RETURN(const auto reports, coordinator::LoadReports(folder_.path()));
  const std::set<std::string> holders = Holders();
  const ServingCounters canary = CountersOf(reports, holders, r.spec.digest);
  std::vector<coordinator::GateResult> gates = {coordinator::IntegrityGate(canary),
                                                coordinator::NumericGate(canary)};
  if (r.spec.baseline.empty()) return gates;  // nothing to compare with
  if (started_->veto_gate) {
    VEILSUM_ASSIGN_OR_RETURN(coordinator::GateResult veto,
                             GateOfVetoes(folder_.path(), *started_, r));
    gates.push_back(std::move(veto));
  }
  if (!started_->serving_gates) return gates;
  std::set<std::string> others;
  std::ranges::set_difference(started_->clients, holders, std::inserter(others, others.end()));
  const ServingCounters baseline = CountersOf(reports, others, r.spec.baseline);
  gates.push_back(coordinator::ErrorGate(canary, baseline, {}, r.looks + 1));
  gates.push_back(coordinator::LatencyGate(canary, baseline, {}, r.looks + 1));
  return gates;
}

absl::Status RolloutDesk::Look(std::chrono::seconds patience) {
  VEILSUM_RETURN_IF_ERROR(Settle());
  VEILSUM_RETURN_IF_ERROR(AwaitReports(patience));
  coordinator::Looked looked;
  VEILSUM_ASSIGN_OR_RETURN(looked.gates, Gates());
  return Do(looked);
}

absl::Status RolloutDesk::Approve() {
  VEILSUM_RETURN_IF_ERROR(Settle());
  if (conductor_->rollout().stage == Stage::kStable) return absl::OkStatus();
  const coordinator::RolloutSpec spec = conductor_->rollout().spec;
  VEILSUM_ASSIGN_OR_RETURN(const std::vector<std::string> approvers,
                           ledger_.approve(spec.digest, spec.rollout_id));
  for (const std::string& who : approvers) {
    coordinator::Approved approved;
    approved.who = who;
    VEILSUM_RETURN_IF_ERROR(Do(approved));
  }
  return absl::OkStatus();
}

absl::Status RolloutDesk::Revoke(const std::string& reason) {
  if (!conductor_) return Settle();
  const Rollout& r = conductor_->rollout();
  if (r.stage == Stage::kRevoked) return Settle();
  if (!keys_->can_revoke())
    return FailedPrecondition(
        "a revocation is signed with the key of targets, offline.key, which is not here");
  VEILSUM_ASSIGN_OR_RETURN(const std::vector<std::string> approvers,
                           ledger_.approve(r.spec.digest, ""));
  for (const std::string& who : approvers) {
    if (conductor_->rollout().stage == Stage::kRevoked) break;
    coordinator::RevokeAsked asked;
    asked.who = who;
    asked.reason = reason;
    VEILSUM_RETURN_IF_ERROR(Do(asked));
  }
  return absl::OkStatus();
}

absl::Status RolloutDesk::Pause() {
  VEILSUM_RETURN_IF_ERROR(Settle());
  if (conductor_->rollout().stage == Stage::kPaused) return absl::OkStatus();
  coordinator::PausedByHand paused;
  paused.who = who_;
  return Do(paused);
}

absl::Status RolloutDesk::Resume() {
  VEILSUM_RETURN_IF_ERROR(Settle());
  const Stage stage = conductor_->rollout().stage;
  if (stage == Stage::kShadow || stage == Stage::kCanary) return absl::OkStatus();
  coordinator::Resumed resumed;
  resumed.who = who_;
  return Do(resumed);
}

// Before anything is settled: what waits for the ledger is not waited for.
absl::Status RolloutDesk::RollBack() {
  if (!conductor_ || IsOver(conductor_->rollout().stage)) return Settle();
  coordinator::RolledBackByHand back;
  back.who = who_;
  return Do(back);
}

absl::Status RolloutDesk::Refresh() {
  VEILSUM_RETURN_IF_ERROR(repository_.Refresh(keys_->signers(), Now()));
  return conductor_ ? Settle() : absl::OkStatus();
}

}  // namespace veilsum::cli
