// The event loop of a coordinator: one thread owns its runs, RPC threads queue and return. Several
// runs go on at a time; a seat is in one of them at most, and what comes from it belongs to that
// run. Each run takes one message a turn, so that it waits for at most one message of each other
// run. Restores unfinished runs from the store when it starts.
#pragma once

#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <thread>

#include "coordinator/run/hosted_run.h"
#include "coordinator/store/ledger_appender.h"

namespace veilsum::coordinator {

class RunEngine final : public RoundsBackend, public AdminBackend {
 public:
  // Resumes every unfinished run, and starts the loop. Errors of the store.
  static absl::StatusOr<std::unique_ptr<RunEngine>> Start(RunEngineParts parts);
  ~RunEngine() override;
  void Shutdown();  // ends the loop; runs stay as they are and are resumed by the next start

  // As the store's appender, on the loop: between two messages, so that what a run shows of the
  // ledger is of one moment. FailedPrecondition: the store keeps no ledger.
  absl::Status AppendEntries(const LedgerAppender::Make& make);

  // RoundsBackend, from RPC threads.
  void OnConnected(const std::string& seat, std::shared_ptr<ClientLink> link) override;
  void OnMessage(const std::string& seat, const std::shared_ptr<ClientLink>& link,
                 v1::ClientMessage message) override;
  void OnDisconnected(const std::string& seat, const std::shared_ptr<ClientLink>& link) override;
  absl::StatusOr<std::size_t> ExpectUpload(const std::string& seat, std::uint64_t round) override;
  void OnUpload(const std::string& seat, std::uint64_t round, ByteView words,
                std::function<void(absl::Status)> done) override;
  absl::StatusOr<std::shared_ptr<const Bytes>> ModelBytes(const std::string& seat,
                                                          const Hash32& model_hash) override;

  // AdminBackend, from RPC threads. StartRun: FailedPrecondition when a member is in a run that is
  // not over; ResourceExhausted when max_runs are under way.
  absl::StatusOr<admin::v1::StartRunResponse> StartRun(
      const admin::v1::StartRunRequest& request) override;
  absl::Status StopRun(const std::string& run_id, const std::string& reason) override;
  absl::StatusOr<std::function<void()>> Watch(const std::string& run_id,
                                              Listener listener) override;
  absl::StatusOr<std::shared_ptr<const Bytes>> Model(const std::string& run_id,
                                                     ByteView model_hash) override;
  absl::StatusOr<admin::v1::GetRunResponse> GetRun(const std::string& run_id) override;

 private:
  // What came from a seat, for the run that has it, or null; or from an operator, for null.
  struct Task {
    std::string seat;  // empty: an operator
    std::function<void(HostedRun*)> work;
  };
  explicit RunEngine(RunEngineParts parts) : parts_(std::move(parts)) {}
  absl::Status ResumeAll();
  void Loop();
  void AwaitWork(std::unique_lock<std::mutex>& lock);
  void Assign(Task task);
  void Post(Task task);
  // Runs `task` on the loop and waits for its result.
  template <class Result>
  Result Ask(std::function<Result()> task);

  absl::StatusOr<HostedRun*> RunOf(const std::string& run_id);
  HostedRun* RunOfSeat(const std::string& seat);       // null: none
  absl::Status MayBegin(const RunTerms& terms) const;  // its members are free
  absl::Status Begin(const RunTerms& terms, std::uint64_t seed,
                     const absl::StatusOr<EarlierRelease>& earlier);
  absl::StatusOr<EarlierRelease> EarlierOf(const model::Plan& plan) const;
  void Host(std::unique_ptr<HostedRun> run);
  void ForgetOldest();  // of the runs that are over
  std::shared_ptr<RunGate> GateOf(const std::string& seat);

  const RunEngineParts parts_;
  // Owned by the loop.
  std::vector<std::unique_ptr<HostedRun>> runs_;  // oldest first
  std::map<std::string, HostedRun*> seats_;
  std::uint64_t next_watcher_ = 1;

  std::mutex queue_mutex_;
  std::condition_variable queue_filled_;
  std::deque<Task> queue_;
  bool stopping_ = false;

  std::mutex gates_mutex_;                                 // guards what RPC threads read
  std::map<std::string, std::shared_ptr<RunGate>> gates_;  // by seat

  std::thread thread_;
};

}  // namespace veilsum::coordinator
