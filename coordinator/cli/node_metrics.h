// What a coordinator shows to Prometheus, and where it is counted. docs/operations.md has the list.
#pragma once

#include <atomic>
#include <filesystem>

#include "base/http/metrics_endpoint.h"
#include "base/pki/certificate.h"
#include "coordinator/rpc/rpc_observer.h"
#include "coordinator/run/run_port.h"
#include "coordinator/store/run_store.h"

namespace veilsum::coordinator {

class NodeMetrics final : public RpcObserver {
 public:
  NodeMetrics();
  void Denied(std::string_view reason) override;
  void Limited(std::string_view limit) override;
  void RoundEnded(const RoundFigures& figures);
  void TransactionTook(std::chrono::nanoseconds time);
  void LeafEnds(WallTime when);

  // The ledger's figures are asked at each reading. The store must outlive the server.
  void Watch(RunStore& store, const std::filesystem::path& store_file);
  // GET /metrics and /healthz. Errors of HttpServer::Start.
  absl::StatusOr<std::unique_ptr<HttpServer>> Serve(const std::string& address);

 private:
  Metrics metrics_;
  std::atomic<WallTime> leaf_ends_{};
};

}  // namespace veilsum::coordinator
