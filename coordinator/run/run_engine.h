// The event loop of a coordinator: one thread owns the run machine, RPC threads queue and return.
// Restores an unfinished run from the store when it starts.
#pragma once

#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "base/clock.h"
#include "coordinator/admin/admin_backend.h"
#include "coordinator/round/rounds_backend.h"
#include "coordinator/run/run_machine.h"

namespace veilsum::coordinator {

// Pointers must outlive the engine.
struct RunEngineParts {
  FederationFacts federation;
  RunStore* store = nullptr;
  const secure_agg::SeatVerifier* verifier = nullptr;
  SecureRng* rng = nullptr;
  const Clock* clock = nullptr;
  RunMachineTiming timing;
  Clock::Duration store_pause =
      std::chrono::seconds(1);  // the first, before a store is tried again
  std::function<void(std::string_view)> log;
  std::function<void(const RoundFigures&)> round_ended;  // on the loop; may be empty
};

class RunEngine final : public RoundsBackend, public AdminBackend, private RunPort {
 public:
  // Resumes the latest unfinished run, if there is one, and starts the loop. Errors of the store.
  static absl::StatusOr<std::unique_ptr<RunEngine>> Start(RunEngineParts parts);
  ~RunEngine() override;
  void Shutdown();  // ends the loop; the run stays as it is and is resumed by the next start

  // RoundsBackend, from RPC threads.
  void OnConnected(const std::string& seat, std::shared_ptr<ClientLink> link) override;
  void OnMessage(const std::string& seat, const std::shared_ptr<ClientLink>& link,
                 v1::ClientMessage message) override;
  void OnDisconnected(const std::string& seat, const std::shared_ptr<ClientLink>& link) override;
  absl::StatusOr<std::size_t> ExpectUpload(const std::string& seat, std::uint64_t round) override;
  void OnUpload(const std::string& seat, std::uint64_t round, ByteView words,
                std::function<void(absl::Status)> done) override;
  absl::StatusOr<std::shared_ptr<const Bytes>> ModelBytes(const Hash32& model_hash) override;

  // AdminBackend, from RPC threads.
  absl::StatusOr<admin::v1::StartRunResponse> StartRun(
      const admin::v1::StartRunRequest& request) override;
  absl::Status StopRun(const std::string& run_id, const std::string& reason) override;
  absl::StatusOr<std::function<void()>> Watch(const std::string& run_id,
                                              Listener listener) override;
  absl::StatusOr<std::shared_ptr<const Bytes>> Model(const std::string& run_id,
                                                     ByteView model_hash) override;

 private:
  struct Gate {  // who may upload what, as RPC threads see it
    std::uint64_t round = 0;
    std::size_t bytes = 0;
    std::set<std::string> seats;
  };
  explicit RunEngine(RunEngineParts parts) : parts_(std::move(parts)) {}
  void Loop();
  void Post(std::function<void()> task);
  // Runs `task` on the loop and waits for its result.
  template <class Result>
  Result Ask(std::function<Result()> task);
  RunMachine::World World();
  absl::StatusOr<RunMachine*> RunOf(const std::string& run_id);
  admin::v1::RunProgress Progress() const;
  void TellWatchers();
  Clock::Time NextDeadline() const;
  // From what the store has, saying so. Errors of the store.
  absl::StatusOr<std::unique_ptr<RunMachine>> ResumeRun(const std::string& run_id, Clock::Time now);
  // A run whose store takes nothing is left by its members and resumed when the store does again.
  void LeaveSuspended(Clock::Time now);
  void TryAgain(Clock::Time now);

  // RunPort, on the loop.
  void Send(const std::string& seat, const v1::ServerMessage& message) override;
  void Disconnect(const std::string& seat, const absl::Status& reason) override;
  void AdmitUploads(std::uint64_t round, std::size_t bytes,
                    const std::vector<std::string>& seats) override;
  void EndUploads(const std::vector<std::string>& seats) override;
  void OfferModel(const Hash32& hash, std::shared_ptr<const Bytes> bytes) override;
  void Changed() override { changed_ = true; }
  void Log(std::string_view line) override { parts_.log(line); }
  void RoundEnded(const RoundFigures& figures) override {
    if (figures.committed) pause_ = parts_.store_pause;
    if (parts_.round_ended) parts_.round_ended(figures);
  }

  static constexpr Clock::Duration kLongestPause = std::chrono::seconds(30);

  RunEngineParts parts_;
  // Owned by the loop.
  std::unique_ptr<RunMachine> machine_;
  std::map<std::string, std::shared_ptr<ClientLink>> links_;
  std::map<std::uint64_t, Listener> watchers_;
  std::uint64_t next_watcher_ = 1;
  bool changed_ = false;
  Clock::Time try_again_ = Clock::Time::max();  // max: the run is not suspended
  Clock::Duration pause_ = parts_.store_pause;  // doubled until a round is committed

  std::mutex queue_mutex_;
  std::condition_variable queue_filled_;
  std::deque<std::function<void()>> queue_;
  bool stopping_ = false;

  std::mutex shared_mutex_;  // guards what RPC threads read
  Gate gate_;
  Hash32 model_hash_{};
  std::shared_ptr<const Bytes> model_bytes_;

  std::thread thread_;
};

}  // namespace veilsum::coordinator
