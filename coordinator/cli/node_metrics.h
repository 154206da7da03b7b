// What a coordinator shows to Prometheus, and where it is counted. docs/operations.md has the list.
#pragma once

#include <atomic>
#include <filesystem>

#include "base/http/metrics_endpoint.h"
#include "base/observe/log.h"
#include "base/observe/once_per.h"
#include "base/pki/certificate.h"
#include "coordinator/rpc/rpc_observer.h"
#include "coordinator/run/run_port.h"
#include "coordinator/store/run_store.h"

namespace veilsum::coordinator {

class NodeMetrics final : public RpcObserver {
 public:
  // Whoever runs into a limit is named in the log, once a minute. It must outlive this. `common`:
  // on every series.
  explicit NodeMetrics(Log& log, Labels common = {});
  void Denied(std::string_view reason) override;
  void Limited(std::string_view limit, std::string_view who) override;
  void RoundEnded(const RoundFigures& figures);
  void TransactionTook(std::chrono::nanoseconds time);
  void LeafEnds(WallTime when);
  void SpansDropped(std::uint64_t count);
  void Leads(bool leads);  // whether it has the store; it does unless this says otherwise

  // The ledger's figures are asked at each reading. The store must outlive the server.
  void Watch(RunStore& store, const std::filesystem::path& store_file);
  // A rollout's folder, read at each reading; it may be made later.
  void WatchReleases(const std::filesystem::path& folder);
  // GET /metrics and /healthz. Errors of HttpServer::Start.
  absl::StatusOr<std::unique_ptr<HttpServer>> Serve(const std::string& address);

 private:
  Log& log_;
  Metrics metrics_;
  OncePer limited_{std::chrono::minutes(1)};
  std::atomic<WallTime> leaf_ends_{};
};

}  // namespace veilsum::coordinator
