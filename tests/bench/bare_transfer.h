// The other side of the networked round's ratio: a gRPC server over the same mutual TLS that does
// nothing with what it moves. It answers the calls of Rounds with raw byte buffers, so that the
// product's own clients can be used: Upload is read and dropped, FetchModel is sent from buffers
// that are serialised once, Participate is left open.
#pragma once

#include <memory>

#include "base/pki/credentials.h"

namespace veilsum::bench {

class BareServer {
 public:
  // Listens on a free port of the loopback when it returns. Every model has `model_bytes` bytes.
  static std::unique_ptr<BareServer> Start(const TlsIdentity& identity, std::size_t model_bytes);
  virtual ~BareServer() = default;
  virtual int port() const = 0;
};

}  // namespace veilsum::bench
