// One federation that this process serves: its own configuration, store, ledger, listeners, engine,
// metrics. Nodes share nothing.
#pragma once

#include <atomic>
#include <future>

#include "base/http/span_exporter.h"
#include "base/observe/once_per.h"
#include "coordinator/admin/record_office.h"
#include "coordinator/cli/enrolment.h"
#include "coordinator/cli/node_metrics.h"
#include "coordinator/rpc/rpc_server.h"
#include "coordinator/run/run_engine.h"
#include "secure_agg/pki/pinned_root_verifier.h"

namespace veilsum::coordinator {

class FederationNode {
 public:
  // Reads its files and opens its store, unless others share that; resumes what is unfinished.
  // Listens to nobody but Prometheus. `named`: its log lines and metrics say whose they are. Errors
  // of each part.
  static absl::StatusOr<std::unique_ptr<FederationNode>> Open(CoordinatorConfig config, bool named);
  const std::string& federation() const { return config_.federation; }

  // Waits for a shared store's lease, then serves until `stop`. One call. Errors of the parts.
  absl::Status Run(const std::shared_future<void>& stop);

 private:
  FederationNode(CoordinatorConfig config, OwnIdentity identity, bool named);
  absl::Status Initialise();
  absl::Status StartTraces();
  RpcServerConfig Rpc();
  std::function<void(std::chrono::nanoseconds)> OnCommit();
  absl::Status OpenOwnStore();
  absl::Status OpenSharedTenants(std::uint64_t term);
  absl::StatusOr<bool> OpenSharedStore(const std::shared_future<void>& stop);  // false: stopped
  absl::Status Prepare();  // what stands on the store, and does not listen
  RunEngineParts EngineParts();
  absl::Status Listen();
  absl::Status TellPort(const std::string& address) const;
  void EverySecond();
  void RenewOwnLeaf();

  const CoordinatorConfig config_;
  OwnIdentity identity_;
  const Certificate root_;
  Log log_;
  NodeMetrics metrics_;
  SystemRng rng_;
  const SteadyClock clock_;
  std::string listen_;   // with its port once it is known
  std::string dialled_;  // what clients dial
  std::shared_ptr<RevocationList> revoked_;
  std::shared_ptr<DenyList> deny_;
  std::unique_ptr<RunStore> store_;    // goes after what shows it
  std::unique_ptr<HttpServer> shown_;  // null: no metrics are asked for
  OncePer traces_refused_{std::chrono::minutes(1)};
  std::unique_ptr<SpanExporter> traces_;  // null: nobody asks for them
  std::atomic<std::uint64_t> calls_answered_ = 0;
  std::unique_ptr<secure_agg::PinnedRootVerifier> verifier_;
  std::unique_ptr<TenantRegistry> tenants_;  // until the enrolment has it
  std::unique_ptr<Enrolment> enrolment_;     // null: it lets nobody in
  std::optional<ReleaseShelf> shelf_;        // that runs may start from
  std::unique_ptr<RunEngine> engine_;
  std::unique_ptr<RecordOffice> records_;
  std::unique_ptr<RpcServer> server_;
};

}  // namespace veilsum::coordinator
