// What a merchant's node shows to its own Prometheus, on loopback: how it takes part, what is
// spent, when its certificates end. No figure of its customers and none that depends on them, no
// timing of its training. docs/operations.md has the list.
#pragma once

#include <atomic>

#include "base/http/metrics_endpoint.h"
#include "client/policy/odometer.h"
#include "client/round/participant.h"

namespace veilsum::client {

class NodeMetrics {
 public:
  using WallTime = std::chrono::system_clock::time_point;
  // The odometer must outlive the server.
  explicit NodeMetrics(Odometer& odometer);
  void On(ParticipantEvent event);
  void LedgerSeen(std::uint64_t size);
  void CertificatesEnd(WallTime tls, WallTime signing);
  // GET /metrics and /healthz. Errors of HttpServer::Start.
  absl::StatusOr<std::unique_ptr<HttpServer>> Serve(const std::string& address);

 private:
  Metrics metrics_;
  std::atomic<WallTime> tls_ends_{}, signing_ends_{};
};

}  // namespace veilsum::client
