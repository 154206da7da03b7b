// ServingApi over gRPC on loopback: veilsum.serving.v1 and grpc.health.v1, without TLS, because
// nothing leaves the machine.
#pragma once

#include <memory>
#include <string>

#include "client/serve/serving_api.h"

namespace veilsum::client {

class GrpcEndpoint {
 public:
  // Serves when it returns. `address`: 127.x.y.z:PORT or [::1]:PORT, port 0: any free one. `api`
  // must outlive it. InvalidArgument: not loopback. Unavailable: the address is taken.
  static absl::StatusOr<std::unique_ptr<GrpcEndpoint>> Start(const std::string& address,
                                                             ServingApi& api);
  virtual ~GrpcEndpoint() = default;  // what was asked is answered first
  virtual int port() const = 0;
  // Health says SERVING while a release serves; to be called now and then, from one thread.
  virtual void TellHealth() = 0;
};

}  // namespace veilsum::client
