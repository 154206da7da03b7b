// What the network side tells whoever counts: refusals, by a reason of its own and by whom the
// authority has certified, never by what a peer has sent.
#pragma once

#include <string_view>

namespace veilsum::coordinator {

// Called from gRPC's threads. Must outlive the server.
class RpcObserver {
 public:
  virtual ~RpcObserver() = default;
  virtual void Denied(std::string_view /*reason*/) {}  // "handshake", "certificate", "permission"
  // The name of the limit, and the tenant or party whose certificate ran into it.
  virtual void Limited(std::string_view /*limit*/, std::string_view /*who*/) {}
};

}  // namespace veilsum::coordinator
