// What only a coordinator with an issuer has: it lets new nodes in.
#pragma once

#include "base/secure_rng.h"
#include "coordinator/cli/config.h"
#include "coordinator/rpc/enroll_server.h"

namespace veilsum::coordinator {

// "host:port" with the port that was given out when port 0 was asked for.
std::string WithPort(const std::string& address, int port);

// One caller at a time.
class Enrolment {
 public:
  // Listens to nobody yet. Errors of ReadIssuer and IdentityOffice::Open.
  static absl::StatusOr<std::unique_ptr<Enrolment>> Open(const CoordinatorConfig& config,
                                                         std::unique_ptr<TenantRegistry> tenants,
                                                         const TlsIdentity& tls, DenyList& deny);
  explicit Enrolment(const CoordinatorConfig& config)
      : listen_(config.enroll_listen), advertise_(config.enroll_advertise) {}

  IdentityOffice* office() { return office_.get(); }
  // On its port, with this leaf; again with a fresh one. `address`: where nodes that were let in
  // find the coordinator. Errors of EnrollServer::Start.
  absl::Status Listen(const std::shared_ptr<const TlsIdentity>& tls, const std::string& address);

 private:
  std::string listen_;
  const std::string advertise_;
  SystemRng rng_;
  std::unique_ptr<IdentityOffice> office_;
  std::unique_ptr<EnrollServer> server_;
};

}  // namespace veilsum::coordinator
