// What a node shows to its own Prometheus, on loopback.
#pragma once

#include "base/http/http_server.h"
#include "base/observe/metrics.h"

namespace veilsum {

// GET /metrics, in the text exposition format 0.0.4, and GET /healthz. The metrics must outlive the
// server. Errors of HttpServer::Start.
absl::StatusOr<std::unique_ptr<HttpServer>> ServeMetrics(const std::string& address,
                                                         Metrics& metrics);

}  // namespace veilsum
