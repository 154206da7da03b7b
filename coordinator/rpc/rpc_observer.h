// What the network side tells whoever counts: refusals, by a reason of its own and never by what a
// peer has sent.
#pragma once

#include <string_view>

namespace veilsum::coordinator {

// Called from gRPC's threads. Must outlive the server.
class RpcObserver {
 public:
  virtual ~RpcObserver() = default;
  virtual void Denied(std::string_view /*reason*/) {}  // "handshake", "certificate", "permission"
  virtual void Limited(std::string_view /*limit*/) {}  // the name of the limit
};

}  // namespace veilsum::coordinator
