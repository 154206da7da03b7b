#include "coordinator/cli/enrolment.h"

#include "coordinator/cli/node_files.h"

namespace veilsum::coordinator {

std::string WithPort(const std::string& address, int port) {
  return absl::StrFormat("%s:%d", address.substr(0, address.rfind(':')), port);
}

absl::StatusOr<std::unique_ptr<Enrolment>> Enrolment::Open(const CoordinatorConfig& config,
                                                           std::unique_ptr<TenantRegistry> tenants,
                                                           const TlsIdentity& tls, DenyList& deny) {
  VEILSUM_ASSIGN_OR_RETURN(Issuer issuer, ReadIssuer(config, tls.root));
  OfficeConfig office{.root = tls.root,
                      .issuer = std::move(issuer),
                      .coordinator = tls.id,
                      .leaf_lifetime = config.leaf_lifetime};
  auto out = std::make_unique<Enrolment>(config);
  VEILSUM_ASSIGN_OR_RETURN(
      out->office_, IdentityOffice::Open(std::move(office), std::move(tenants), deny, out->rng_));
  return out;
}

absl::Status Enrolment::Listen(const std::shared_ptr<const TlsIdentity>& tls,
                               const std::string& address) {
  server_.reset();  // its port is free again
  VEILSUM_ASSIGN_OR_RETURN(server_, EnrollServer::Start(listen_, tls, *office_));
  listen_ = WithPort(listen_, server_->port());
  office_->Announce(advertise_.empty() ? listen_ : advertise_, address);
  return absl::OkStatus();
}

}  // namespace veilsum::coordinator
