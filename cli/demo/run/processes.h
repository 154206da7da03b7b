// The processes of one demo: a coordinator and a client for each merchant, supervised.
#pragma once

#include <map>
#include <mutex>

#include "cli/demo/federation/federation.h"
#include "cli/demo/live/progress.h"
#include "cli/demo/process/supervisor.h"
#include "cli/support/stop_signal.h"

namespace veilsum::cli {

struct Programs {
  std::filesystem::path coordinator, client;
  // Those beside the running program. NotFound when one is missing.
  static absl::StatusOr<Programs> Beside(const std::filesystem::path& self);
};

class DemoProcesses {
 public:
  // All must outlive it. A coordinator that will not stay up raises `stop`.
  DemoProcesses(const Programs& programs, std::filesystem::path logs, StopSignal& stop,
                ProgressLine& line);

  // Starts the coordinator and returns the address that it listens on.
  absl::StatusOr<std::string> StartCoordinator(const Federation& federation);
  absl::Status StartClients(const Federation& federation);
  // Until every client has ended by itself: it has then witnessed the ledger's last head. Gives up
  // after a few seconds.
  void AwaitClients();
  // Every client once more, after the run: it sees that the run is over, and witnesses the ledger's
  // head as it is now. Waits for them, but not for ever.
  absl::Status WitnessAgain(const Federation& federation);
  void Stop();  // SIGTERM, then SIGKILL

  // Looks at the memory of all processes; keeps the largest figures seen.
  void SampleMemory();
  std::optional<std::uint64_t> coordinator_peak() const { return Peak("coordinator"); }
  std::optional<std::uint64_t> client_peak() const;  // of the largest client

 private:
  void OnEvent(const ProcessEvent& event);
  std::optional<std::uint64_t> Peak(const std::string& name) const;
  absl::Status StartEach(const Federation& federation, const std::string& role);
  void AwaitAllButCoordinator(std::chrono::milliseconds patience);
  const Programs programs_;
  const std::filesystem::path logs_;
  StopSignal& stop_;
  ProgressLine& line_;
  std::vector<std::string> names_;  // coordinator first
  mutable std::mutex mutex_;
  std::map<std::string, std::uint64_t> peaks_;  // guarded by mutex_
  Supervisor supervisor_;                       // last: its thread uses the others
};

}  // namespace veilsum::cli
