// HTTP/1.1 on loopback in front of ServingApi: whoever may open a connection on this machine may
// ask. Requests that a page in a browser could be made to send are refused: another Host than
// loopback, another body than JSON, JSON lines or CSV (Fetch standard, "CORS-safelisted
// request-header").
#pragma once

#include <memory>
#include <string>

#include "client/serve/serving_api.h"

namespace veilsum::client {

struct HttpEndpointConfig {
  std::string address = "127.0.0.1";  // or ::1
  int port = 0;                       // 0: any
  // Each open connection has a thread; one more waits until another is idle for two seconds.
  std::size_t threads = 8;
  std::size_t body_bytes = std::size_t{32} << 20;
};

class HttpEndpoint {
 public:
  // Serves when it returns. InvalidArgument: not an address of loopback. Unavailable: the port is
  // taken. `api` must outlive it.
  static absl::StatusOr<std::unique_ptr<HttpEndpoint>> Start(const HttpEndpointConfig& config,
                                                             ServingApi& api);
  virtual ~HttpEndpoint() = default;  // answers what was asked, then stops
  virtual int port() const = 0;
};

}  // namespace veilsum::client
