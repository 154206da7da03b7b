// ServingApi over HTTP/1.1 on loopback (base/http says what is refused before it is asked).
#pragma once

#include <memory>
#include <string>

#include "base/http/http_server.h"
#include "client/serve/serving_api.h"

namespace veilsum::client {

struct HttpEndpointConfig {
  std::string address = "127.0.0.1:0";  // HOST:PORT as HttpServer takes it
  // Each open connection has a thread; one more waits until another is idle for two seconds.
  std::size_t threads = 8;
  std::size_t body_bytes = std::size_t{32} << 20;
};

// Serves when it returns. `api` must outlive it. Errors are HttpServer::Start's.
absl::StatusOr<std::unique_ptr<HttpServer>> StartHttpEndpoint(const HttpEndpointConfig& config,
                                                              ServingApi& api);

}  // namespace veilsum::client
