#include "coordinator/run/hosted_run.h"

#include <sys/resource.h>

#include <algorithm>

#include "coordinator/store/ledger_appender.h"

namespace veilsum::coordinator {
namespace {

// As this coordinator's ledger says; one of another federation it does not know.
absl::Status CheckNotRevoked(RunStore& store, const std::string& release) {
  if (release.empty() || store.appender() == nullptr) return absl::OkStatus();
  return store.appender()->AppendEntries(
      [&](const ledger::LedgerRules& rules) -> absl::StatusOr<LedgerChange> {
        const auto found = rules.releases().find(release);
        if (found != rules.releases().end() && found->second.revoked)
          return FailedPrecondition("model.start: release %s is revoked", release);
        return LedgerChange();
      });
}

}  // namespace

absl::StatusOr<std::unique_ptr<HostedRun>> HostedRun::Start(
    const RunEngineParts& parts, const RunTerms& terms, std::uint64_t seed,
    const absl::StatusOr<EarlierRelease>& earlier) {
  const std::string& run_id = terms.contract().run_id;
  if (const auto stored = parts.store->LoadRun(run_id);
      stored.ok() && IsFinalRunState(stored->state) && stored->seed == seed &&
      stored->contract == terms.contract_json())
    return Resume(parts, run_id);
  VEILSUM_RETURN_IF_ERROR(earlier.status());
  VEILSUM_RETURN_IF_ERROR(CheckNotRevoked(*parts.store, terms.plan().network.start));
  std::unique_ptr<HostedRun> run(new HostedRun(parts));
  run->run_id_ = run_id;
  VEILSUM_ASSIGN_OR_RETURN(
      run->machine_, RunMachine::Start(terms, seed, run->World(), parts.clock->Now(), *earlier));
  return run;
}

absl::StatusOr<std::unique_ptr<HostedRun>> HostedRun::Resume(const RunEngineParts& parts,
                                                             const std::string& run_id) {
  std::unique_ptr<HostedRun> run(new HostedRun(parts));
  run->run_id_ = run_id;
  VEILSUM_ASSIGN_OR_RETURN(run->machine_, run->Restore());
  return run;
}

RunMachine::World HostedRun::World() {
  return {parts_.store, this, parts_.verifier, parts_.rng, parts_.timing};
}

absl::StatusOr<std::unique_ptr<RunMachine>> HostedRun::Restore() {
  VEILSUM_ASSIGN_OR_RETURN(const RunRecord record, parts_.store->LoadRun(run_id_));
  VEILSUM_ASSIGN_OR_RETURN(std::unique_ptr<RunMachine> machine,
                           RunMachine::Resume(record, World(), parts_.clock->Now()));
  if (!machine->ended())
    Log(absl::StrFormat("continues after step %d", machine->Progress().step()));
  return machine;
}

// ---- Turns

void HostedRun::Turn() {
  if (!waiting_.empty()) {
    const Work work = std::move(waiting_.front());
    waiting_.pop_front();
    work(*this);
  }
  const Clock::Time now = parts_.clock->Now();
  if (now >= try_again_) TryAgain();
  machine_->OnTime(now);
  if (!machine_->suspended().ok()) LeaveSuspended(now);
  TellWatchers(now);
}

void HostedRun::TakeAllWaiting() {
  for (const Work& work : std::exchange(waiting_, {})) work(*this);
}

Clock::Time HostedRun::next_deadline() const {
  return std::min(try_again_, machine_->next_deadline());
}

void HostedRun::LeaveSuspended(Clock::Time now) {
  if (try_again_ != Clock::Time::max()) return;
  Log(absl::StrFormat("the run %s; tries again in %d s", machine_->Progress().reason(),
                      std::chrono::duration_cast<std::chrono::seconds>(pause_).count()));
  try_again_ = now + pause_;
  pause_ = std::min(2 * pause_, kLongestPause);
  for (const auto& [seat, link] : std::exchange(links_, {}))
    link->Close(Unavailable("the coordinator cannot store anything now: try again"));
}

void HostedRun::TryAgain() {
  try_again_ = Clock::Time::max();
  absl::StatusOr<std::unique_ptr<RunMachine>> resumed = Restore();
  if (!resumed.ok())
    return Log(std::string(resumed.status().message()));  // and suspended as before
  machine_ = *std::move(resumed);
  changed_ = true;
}

// ---- Members

void HostedRun::OnConnected(const std::string& seat, std::shared_ptr<ClientLink> link) {
  if (!machine_->suspended().ok())
    return link->Close(Unavailable("the coordinator cannot store anything now: try again"));
  std::shared_ptr<ClientLink>& mine = links_[seat];
  if (mine != nullptr) mine->Close(Aborted("the seat has connected again"));
  mine = std::move(link);
  machine_->OnConnected(seat, parts_.clock->Now());
}

void HostedRun::OnMessage(const std::string& seat, const std::shared_ptr<ClientLink>& link,
                          const v1::ClientMessage& message) {
  const auto mine = links_.find(seat);
  if (mine == links_.end() || mine->second != link) return;  // of a connection that was replaced
  machine_->OnMessage(seat, message, parts_.clock->Now());
}

void HostedRun::OnDisconnected(const std::string& seat, const std::shared_ptr<ClientLink>& link) {
  const auto mine = links_.find(seat);
  if (mine == links_.end() || mine->second != link) return;
  links_.erase(mine);
  machine_->OnDisconnected(seat, parts_.clock->Now());
}

absl::Status HostedRun::OnUpload(const std::string& seat, std::uint64_t round, ByteView words) {
  return machine_->OnUpload(seat, round, words, parts_.clock->Now());
}

void HostedRun::Release(const std::string& seat) {
  const auto mine = links_.find(seat);
  if (mine == links_.end()) return;
  mine->second->Close(Aborted("a new run begins: join again"));
  links_.erase(mine);
}

// ---- Operators

absl::Status HostedRun::StopRun(const std::string& reason) {
  if (machine_->suspended().ok()) machine_->StopRun(reason, parts_.clock->Now());
  return machine_->suspended();
}

void HostedRun::Watch(std::uint64_t watcher, Listener listener) {
  listener(Progress(), over());
  if (!over()) watchers_[watcher] = std::move(listener);
}

absl::StatusOr<std::shared_ptr<const Bytes>> HostedRun::Model(ByteView wanted) const {
  if (wanted.empty() || std::ranges::equal(wanted, machine_->published_hash()))
    return machine_->published();
  VEILSUM_ASSIGN_OR_RETURN(const Hash32 hash, ParseFixed<32>("model_hash", wanted));
  return parts_.store->LoadModel(run_id_, hash);
}

admin::v1::RunProgress HostedRun::Progress() const {
  admin::v1::RunProgress progress = machine_->Progress();
  struct rusage usage;
  if (getrusage(RUSAGE_SELF, &usage) == 0)
    progress.set_peak_rss_bytes(static_cast<std::uint64_t>(usage.ru_maxrss) * 1024);
  return progress;
}

void HostedRun::TellWatchers(Clock::Time now) {
  if (!changed_ || (!idle() && !over() && now < told_ + kNewsEvery)) return;
  changed_ = false;
  told_ = now;
  if (watchers_.empty()) return;
  const admin::v1::RunProgress progress = Progress();
  for (const auto& [id, listener] : watchers_) listener(progress, over());
  if (over()) watchers_.clear();
}

// ---- What the run does

void HostedRun::Send(const std::string& seat, const v1::ServerMessage& message) {
  if (const auto link = links_.find(seat); link != links_.end()) link->second->Send(message);
}

void HostedRun::Disconnect(const std::string& seat, const absl::Status& reason) {
  if (const auto link = links_.find(seat); link != links_.end()) link->second->Close(reason);
}

void HostedRun::Log(std::string_view line) { parts_.log(absl::StrFormat("%s: %s", run_id_, line)); }

void HostedRun::RoundEnded(const RoundFigures& figures) {
  if (figures.committed) pause_ = parts_.store_pause;
  if (parts_.round_ended) parts_.round_ended(figures);
}

}  // namespace veilsum::coordinator
