// One run inside the engine: its machine, and what is its alone: the messages that wait for it, the
// links of its members, its watchers, its gate. A run whose store takes nothing is left by its
// members and resumed when the store does again; other runs do not notice.
#pragma once

#include <deque>
#include <map>

#include "coordinator/admin/admin_backend.h"
#include "coordinator/round/rounds_backend.h"
#include "coordinator/run/run_engine_parts.h"
#include "coordinator/run/run_gate.h"

namespace veilsum::coordinator {

// Used on the engine's loop, except for the gate.
class HostedRun final : private RunPort {
 public:
  using Work = std::function<void(HostedRun&)>;
  using Listener = AdminBackend::Listener;

  // `parts` must outlive it. Errors of RunMachine::Start and Resume. A run that the store has as
  // ended already is not started again, only there to be asked. `earlier`: the release that the
  // plan names; its error where the run is a new one. FailedPrecondition: the ledger says that it
  // is revoked.
  static absl::StatusOr<std::unique_ptr<HostedRun>> Start(
      const RunEngineParts& parts, const RunTerms& terms, std::uint64_t seed,
      const absl::StatusOr<EarlierRelease>& earlier);
  static absl::StatusOr<std::unique_ptr<HostedRun>> Resume(const RunEngineParts& parts,
                                                           const std::string& run_id);

  const RunTerms& terms() const { return machine_->terms(); }
  const std::string& id() const { return run_id_; }
  bool over() const { return machine_->ended(); }  // a suspended one is not
  const std::shared_ptr<RunGate>& gate() const { return gate_; }

  // What came for it, in its order; one thing a turn, whatever waits, so that each run has its
  // turn. After that the run does what is due.
  void Queue(Work work) { waiting_.push_back(std::move(work)); }
  bool idle() const { return waiting_.empty(); }
  void Turn();
  void TakeAllWaiting();  // of a run that is over, before another one gets its seats
  Clock::Time next_deadline() const;

  void OnConnected(const std::string& seat, std::shared_ptr<ClientLink> link);
  void OnMessage(const std::string& seat, const std::shared_ptr<ClientLink>& link,
                 const v1::ClientMessage& message);
  void OnDisconnected(const std::string& seat, const std::shared_ptr<ClientLink>& link);
  absl::Status OnUpload(const std::string& seat, std::uint64_t round, ByteView words);
  void Release(const std::string& seat);  // to another run, which it joins anew

  absl::Status StopRun(const std::string& reason);
  void Watch(std::uint64_t watcher, Listener listener);
  void Unwatch(std::uint64_t watcher) { watchers_.erase(watcher); }
  admin::v1::RunProgress Progress() const;
  // An empty hash: the latest. Errors of RunStore::LoadModel.
  absl::StatusOr<std::shared_ptr<const Bytes>> Model(ByteView model_hash) const;

 private:
  explicit HostedRun(const RunEngineParts& parts)
      : parts_(parts), pause_(parts.store_pause), gate_(std::make_shared<RunGate>()) {}
  RunMachine::World World();
  // From what the store has, saying so. Errors of the store.
  absl::StatusOr<std::unique_ptr<RunMachine>> Restore();
  void LeaveSuspended(Clock::Time now);
  void TryAgain();
  void TellWatchers(Clock::Time now);

  // RunPort.
  void Send(const std::string& seat, const v1::ServerMessage& message) override;
  void Disconnect(const std::string& seat, const absl::Status& reason) override;
  void AdmitUploads(std::uint64_t round, std::size_t bytes,
                    const std::vector<std::string>& seats) override {
    gate_->AdmitUploads(round, bytes, seats);
  }
  void EndUploads(const std::vector<std::string>& seats) override { gate_->EndUploads(seats); }
  void OfferModel(const Hash32& hash, std::shared_ptr<const Bytes> bytes) override {
    gate_->OfferModel(hash, std::move(bytes));
  }
  void Changed() override { changed_ = true; }
  void Log(std::string_view line) override;
  void RoundEnded(const RoundFigures& figures) override;
  void SetupEnded(const SetupFigures& figures) override {
    if (parts_.setup_ended) parts_.setup_ended(figures);
  }

  static constexpr Clock::Duration kLongestPause = std::chrono::seconds(30);
  // While messages wait, watchers are told no more often than this.
  static constexpr Clock::Duration kNewsEvery = std::chrono::milliseconds(50);

  const RunEngineParts& parts_;
  std::string run_id_;
  Clock::Time try_again_ = Clock::Time::max();  // max: the run is not suspended
  Clock::Duration pause_;                       // doubled until a round is committed
  const std::shared_ptr<RunGate> gate_;
  std::map<std::string, std::shared_ptr<ClientLink>> links_;
  std::map<std::uint64_t, Listener> watchers_;
  bool changed_ = false;
  Clock::Time told_{};  // when watchers were told last
  std::unique_ptr<RunMachine> machine_;
  std::deque<Work> waiting_;
};

}  // namespace veilsum::coordinator
