// The port for nodes that have no certificate yet: TLS 1.3 with the server's certificate alone, and
// behind it nothing but Enroll.Redeem. It shows the root as well, which a join token names.
#pragma once

#include "coordinator/identity/identity_office.h"
#include "coordinator/rpc/rpc_server.h"

namespace veilsum::coordinator {

class EnrollServer {
 public:
  // Listens when it returns. `tls` as RpcServerConfig. Unavailable: the address is
  // taken. `office` must outlive it.
  static absl::StatusOr<std::unique_ptr<EnrollServer>> Start(const std::string& listen,
                                                             std::shared_ptr<const TlsIdentity> tls,
                                                             IdentityOffice& office);
  virtual ~EnrollServer() = default;  // ends calls that run
  virtual int port() const = 0;
};

}  // namespace veilsum::coordinator
