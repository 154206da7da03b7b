#include "base/http/metrics_endpoint.h"

namespace veilsum {

absl::StatusOr<std::unique_ptr<HttpServer>> ServeMetrics(const std::string& address,
                                                         Metrics& metrics) {
  const auto figures = [&metrics](const HttpRequest&) {
    return HttpAnswer{200, "text/plain; version=0.0.4; charset=utf-8", metrics.Render()};
  };
  const auto health = [](const HttpRequest&) { return HttpAnswer{.body = "ok\n"}; };
  return HttpServer::Start(address, {{"GET", "/metrics", figures}, {"GET", "/healthz", health}});
}

}  // namespace veilsum
